import pytest
import torch
from analysis_toy import (
    BACKBONE,
    toy_backbone,
    write_class_folders,
    write_config,
)
from crafted_checkpoints import write_each
from unreliable_server import closed

_REFUSED = 2
_TOY = f"arch={BACKBONE['arch']}, "
_V2, _RAW = ('V2', 'v2.py', 'v2.pth'), ('raw', 'v2', 'none')


@pytest.fixture
def analyze(tool_here, tmp_path):
    """The tool in a folder with two models and images/."""
    write_class_folders(tmp_path / 'images')
    for name, use_grn in dict(v2=True, v1=False).items():
        write_config(tmp_path / f'{name}.py', f'{_TOY} use_grn={use_grn}')
        torch.save(toy_backbone(use_grn=use_grn).state_dict(), f'{name}.pth')
    tool = tool_here('analyze')

    def run(command, *arguments, models=(_V2, )):
        named = [x for model in models for x in ('--model', *model)]
        return tool(command, *named, '--images', 'images', '--out', 'out',
                    '--size', 16, *arguments)

    return run


def _rows(tmp_path, name):
    table = (tmp_path / 'out' / f'{name}.csv').read_text().splitlines()
    return [line.split(',') for line in table[1:]]


@pytest.mark.parametrize(
    'command', ['cosine-distance', 'class-selectivity', 'activations'])
def test_several_models_in_one_figure(analyze, tmp_path, command, capsys):
    assert analyze(command, models=[_V2, ('V1', 'v1.py', 'v1.pth'), _RAW]) == 0
    name = command.replace('-', '_')
    said = capsys.readouterr().out
    assert said == f'out/{name}.csv\nout/{name}.png\n'
    assert {x[0] for x in _rows(tmp_path, name)} == {'V2', 'V1', 'raw'}
    assert sorted(x.name for x in (tmp_path / 'out').iterdir()) == [
        f'{name}.csv', f'{name}.png']


def test_nearest_neighbours(analyze, tmp_path, capsys):
    assert analyze('knn', '--queries', 'images', '--k', 1) == 0
    assert capsys.readouterr().out == 'V2: 100.0 % top-1\nout/knn.csv\n'
    assert _rows(tmp_path, 'knn') == [['V2', '1', '5', '5', '100']]
    assert analyze('knn', '--queries', 'images', '--overwrite') == _REFUSED
    assert capsys.readouterr().err == (
        'analyze.py: knn: k must be from 1 to 5, the number of known images, '
        'got 20\n')


def test_options(analyze, tmp_path):
    assert analyze('cosine-distance', '--max-images', 3, '--live-only') == 0
    assert {x[4] for x in _rows(tmp_path, 'cosine_distance')} == {'3'}
    assert analyze('activations', '--layers', 'stages.1.0', '--features',
                   'output', '--channels', 2) == 0
    assert [x[:4] for x in _rows(tmp_path, 'activations')] == [
        ['V2', 'stages.1.0', 'output', channel] for channel in '01']
    assert analyze('class-selectivity') == 0
    rectified = _rows(tmp_path, 'class_selectivity')
    assert analyze('class-selectivity', '--signed', '--overwrite') == 0
    assert _rows(tmp_path, 'class_selectivity') != rectified


def test_nothing_is_overwritten_unasked(analyze, tmp_path, capsys):
    assert analyze('activations') == 0
    before = _rows(tmp_path, 'activations')
    assert analyze('activations', '--features', 'output') == _REFUSED
    assert capsys.readouterr().err == (
        'analyze.py: --out: out/activations.csv exists; choose another folder '
        'or --overwrite\n')
    assert _rows(tmp_path, 'activations') == before


@pytest.mark.parametrize('arguments, models, message', [
    ((), [_V2, ('V2', 'v1.py', 'v1.pth')], "--model: two are called 'V2'"),
    ((), [('a', 'v3.py', 'v2.pth')],
     "--model a: there is no config file 'v3.py'"),
    ((), [('a', 'v2.py', 'v3.pth')], "--model: there is no file 'v3.pth'"),
    ((), [('a', 'v2.py', 'v1.pth')], '--model a: v1.pth: the weights, of'),
    (('--size', 4), [_RAW],
     '--size must be at least 8, the stride of the backbone, got 4'),
    (('--batch-size', 0), [_RAW], '--batch-size must be positive, got 0'),
    (('--images', 'nowhere'), [_RAW],
     "--images: there is no image and no folder called 'nowhere'"),
    (('--images', 'images/a'), [_RAW], 'class-selectivity: class selectivity '
     'needs images in folders of at least 2 classes, FOLDER/CLASS/IMAGE; '
     "found the folders ['']\n"),
])
def test_refusals(analyze, tmp_path, arguments, models, message, capsys):
    assert analyze('class-selectivity', *arguments, models=models) == _REFUSED
    assert capsys.readouterr().err.startswith(f'analyze.py: {message}')
    assert not (tmp_path / 'out').exists()


def test_crafted_weights(analyze, tmp_path, capsys):
    state = {f'backbone.{k}': v for k, v in torch.load('v2.pth').items()}
    torch.save(dict(state_dict=state), 'v2.pth')
    for kind, message in write_each('v2.pth'):
        assert analyze('activations') == _REFUSED, kind
        text = capsys.readouterr().err
        assert text.startswith('analyze.py: --model V2: v2.pth'), text
        # Those of the backbone alone.
        assert message in text or 'where torch' in message, text
    assert not (tmp_path / 'out').exists()


def test_damaged_files(analyze, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    for name in ('v2.pth', 'images/a/1.png'):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:len(whole) // 2])
    url = f'{closed()}/w.pth'
    for model, message in (
        (_V2, '--model V2: v2.pth is damaged, cut off or no checkpoint ('),
        (('a', 'v2.py', url),
         f'--model a: {url} could not be downloaded ('),
        (_RAW, 'cosine-distance: images/a/1.png: it cannot be read as an '
         'image: ')):
        assert analyze('cosine-distance', models=[model]) == _REFUSED
        assert capsys.readouterr().err.startswith(f'analyze.py: {message}')
    assert not (tmp_path / 'out').exists()
