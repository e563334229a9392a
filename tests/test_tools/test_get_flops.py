from pathlib import Path

import pytest

from mmconvnextv2.config.find import find_config

_DOCS = Path(__file__).resolve().parents[2] / 'docs' / 'training.md'
_REFUSED = 2
MASK_RCNN = 'maskrcnn_convnextv2_b_coco'
# ConvNeXt, Table 3 and Section 3.3; test_roadmap.py has Tables 10 and 11.
PRINTED = dict(
    cascade_maskrcnn_r50_coco='739G', cascade_maskrcnn_x101_32_coco='819G',
    cascade_maskrcnn_x101_64_coco='972G', cascade_maskrcnn_swin_t_coco='745G',
    maskrcnn_swin_t_coco='267G', convnextv1_s_isotropic_in1k='4.3G',
    convnextv1_b_isotropic_in1k='16.9G', convnextv1_l_isotropic_in1k='59.7G')


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('get_flops')


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


def test_models_as_published(tool, capsys):
    # Tests of the metafiles compare their figures with the configs.
    assert tool.main(['--readme']) == 0
    table = capsys.readouterr().out.strip()
    header, _, *lines = table.splitlines()
    assert header == ('| config | image | parameters | paper | multiply-adds '
                      '| paper | difference |')
    assert ('| convnextv2_a_ft_in1k | 224 x 224 | 3.7M | 3.7M | 0.5473G | '
            '0.55G | -0.5% |') in lines
    rows = {row[0]: row[1:] for row in (
        [x.strip() for x in line.strip('|').split('|')] for line in lines)}
    # Tables of V2 and V1, and V1's README; one that lost its figures would
    # not be compared.
    kinds = {name.split('_')[0] for name in rows}
    assert kinds >= {'convnextv1', 'convnextv2', 'maskrcnn', 'upernet'}
    assert len(rows) >= 45
    assert {name: rows[name][4] for name in PRINTED} == PRINTED
    # One step's figure cannot be, and is not in the metafiles.
    assert sum(name.startswith('roadmap_') for name in rows) == 31
    for name, (_, parameters, printed, _, _, difference) in rows.items():
        assert find_config(name).is_file()
        # Atto's printed figure has two digits; rivals have other layers.
        assert abs(float(difference.rstrip('%'))) <= (
            1. if 'convnextv' not in name else
            0.5 if '_a_' in name or 'isotropic' in name else 0.3), name
        if printed != '-':
            assert float(parameters[:-1]) == pytest.approx(
                float(printed[:-1]), rel=5e-3, abs=0.5), name
    assert table in _DOCS.read_text()
