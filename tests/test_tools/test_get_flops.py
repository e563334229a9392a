from pathlib import Path

import pytest

from mmconvnextv2.config.find import shipped_configs
from mmconvnextv2.zoo.published import published

_README = Path(__file__).resolve().parents[2] / 'docs/training.md'
_REFUSED = 2
ROWS = published()
CLASSIFIERS = [row for row in ROWS if '_ft_' in row.config]
MASK_RCNN = 'maskrcnn_convnextv2_b_coco'


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('get_flops')


def ids(row):
    return row.config


@pytest.mark.parametrize('row', CLASSIFIERS, ids=ids)
def test_classifiers_as_published(tool, row):
    found = tool.count(row.config)
    assert found.printed == row and found.size == row.size
    counted = found.counted
    assert counted.multiply_adds == pytest.approx(
        row.multiply_adds * 1e9, rel=0.01)
    assert counted.parameters == pytest.approx(row.parameters * 1e6, rel=0.01)


def test_published_rows():
    assert [row.config.split('_')[0] for row in ROWS] == [
        *['convnextv2'] * 14, *['maskrcnn'] * 3, *['cascade'] * 3,
        *['upernet'] * 4
    ]
    sizes = {(row.config.split('_')[0], row.size) for row in ROWS}
    assert sizes == {('convnextv2', (224, 224)), ('convnextv2', (384, 384)),
                     ('convnextv2', (512, 512)), ('maskrcnn', (800, 1280)),
                     ('cascade', (800, 1280)), ('upernet', (512, 2048)),
                     ('upernet', (640, 2560))}


def test_each_published_row_has_its_config():
    assert {f'{row.config}.py' for row in ROWS} <= set(shipped_configs())


def test_table(tool, capsys):
    assert tool.main(['convnextv2_a_ft_in1k', MASK_RCNN, '--parts']) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.strip('│').split('│') for line in lines if '│' in line]
    found = [[cell.strip() for cell in row] for row in rows]
    assert found[:2] == [
        [
            'convnextv2_a_ft_in1k', '224 x 224', '3.7M', '3.7M', '0.5473G',
            '0.55G', '-0.5%'
        ],
        [
            MASK_RCNN, '1280 x 800', '108.1M', '-', '485.3G', '486G', '-0.1%'
        ],
    ]
    assert ['backbone', '313.3G'] in found


@pytest.mark.parametrize('shape, image, cost', [
    (['128'], '128 x 128', '0.1789G'),
    (['224', '448'], '448 x 224', '1.094G'),
])
def test_other_size_has_no_published_figure(tool, capsys, shape, image, cost):
    assert tool.main(['convnextv2_a_ft_in1k', '--shape', *shape]) == 0
    printed = capsys.readouterr().out
    assert image in printed and cost in printed and '%' not in printed


def test_size_of_the_test_pipeline(tool):
    assert tool.count('maskrcnn_convnextv2_a_shapes').size == (144, 144)


def test_markdown(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool, 'published', lambda: CLASSIFIERS[:2])
    assert tool.main(['--readme']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == ('| config | image | parameters | paper | '
                        'multiply-adds | paper | difference |')
    assert lines[2] == ('| convnextv2_a_ft_in1k | 224 x 224 | 3.7M | 3.7M | '
                        '0.5473G | 0.55G | -0.5% |')
    assert len(lines) == 4


@pytest.mark.parametrize('arguments, message', [
    ([], 'give a config, or --readme'),
    (['no_such'], "there is no config file 'no_such'"),
    ([MASK_RCNN, '--readme'], '--readme counts its own list of models'),
    ([MASK_RCNN, '--shape', '0'], 'in pixels, got [0]'),
    ([MASK_RCNN, '--shape', '1', '2', '3'], 'in pixels, got [1, 2, 3]'),
    (['{folder}/empty.py'], 'empty.py has no model'),
    (['{folder}/bare.py'], 'has no image size in its pipelines: give --shape'),
])
def test_refusals(tool, tmp_path, capsys, arguments, message):
    (tmp_path / 'empty.py').touch()
    (tmp_path / 'bare.py').write_text("model = dict(type='Any')")
    named = [x.format(folder=tmp_path) for x in arguments]
    assert tool.main(named) == _REFUSED
    error = capsys.readouterr().err
    assert error.startswith('get_flops.py: ') and message in error


def test_table_in_the_readme_is_what_the_tool_prints(tool, capsys):
    assert tool.main(['--readme']) == 0
    table = capsys.readouterr().out.strip()
    assert table.startswith('| config |')
    assert table in _README.read_text()
