import pytest
import torch
from analysis_toy import (
    BACKBONE,
    toy_backbone,
    write_class_folders,
    write_config,
)
from unreliable_server import closed

_REFUSED = 2
_TOY = f"arch={BACKBONE['arch']}, "


@pytest.fixture
def setting(tmp_path, monkeypatch):
    """Present folder with two models and images/."""
    monkeypatch.chdir(tmp_path)
    write_class_folders(tmp_path / 'images')
    write_config(tmp_path / 'v2.py', _TOY)
    write_config(tmp_path / 'v1.py', f'{_TOY} use_grn=False')
    torch.save(toy_backbone().state_dict(), 'v2.pth')
    torch.save(toy_backbone(use_grn=False).state_dict(), 'v1.pth')
    return tmp_path


@pytest.fixture
def analyze(load_tool, setting):
    tool = load_tool('analyze')

    def run(command, *arguments, models=(('V2', 'v2.py', 'v2.pth'), )):
        named = [x for model in models for x in ('--model', *model)]
        return tool.main([
            command, *named, '--images', 'images', '--out', 'out', '--size',
            '16', *map(str, arguments)
        ])

    return run


@pytest.mark.parametrize(
    'command', ['cosine-distance', 'class-selectivity', 'activations'])
def test_several_models_in_one_figure(analyze, setting, command, capsys):
    models = [('V2', 'v2.py', 'v2.pth'), ('V1', 'v1.py', 'v1.pth'),
              ('raw', 'v2', 'none')]
    assert analyze(command, models=models) == 0
    name = command.replace('-', '_')
    said = capsys.readouterr().out
    assert said == f'out/{name}.csv\nout/{name}.png\n'
    table = (setting / 'out' / f'{name}.csv').read_text().splitlines()
    assert {x.split(',')[0] for x in table[1:]} == {'V2', 'V1', 'raw'}
    assert sorted(x.name for x in (setting / 'out').iterdir()) == [
        f'{name}.csv', f'{name}.png'
    ]


def test_options(analyze, setting):
    assert analyze('cosine-distance', '--max-images', 3) == 0
    table = (setting / 'out/cosine_distance.csv').read_text().splitlines()
    assert {x.split(',')[4] for x in table[1:]} == {'3'}
    assert analyze('activations', '--layers', 'stages.1.0', '--features',
                   'output', '--channels', 2) == 0
    table = (setting / 'out/activations.csv').read_text().splitlines()
    assert [x.split(',')[:4]
            for x in table[1:]] == [['V2', 'stages.1.0', 'output', '0'],
                                    ['V2', 'stages.1.0', 'output', '1']]
    assert analyze('class-selectivity') == 0
    file = setting / 'out/class_selectivity.csv'
    rectified = file.read_text()
    assert analyze('class-selectivity', '--signed', '--overwrite') == 0
    assert file.read_text() != rectified


def test_nothing_is_overwritten_unasked(analyze, setting, capsys):
    assert analyze('activations') == 0
    before = (setting / 'out/activations.csv').read_bytes()
    assert analyze('activations', '--features', 'output') == _REFUSED
    assert capsys.readouterr().err == (
        'analyze.py: --out: out/activations.csv exists; choose another folder '
        'or --overwrite\n')
    assert (setting / 'out/activations.csv').read_bytes() == before


_ONE = ('a', 'v2.py', 'none')


@pytest.mark.parametrize('arguments, models, message', [
    ((), [('a', 'v2.py', 'v2.pth'), ('a', 'v1.py', 'v1.pth')],
     "--model: two are called 'a'"),
    ((), [('a', 'v3.py', 'v2.pth')],
     "--model a: there is no config file 'v3.py'"),
    ((), [('a', 'v2.py', 'v3.pth')], "--model: there is no file 'v3.pth'"),
    ((), [('a', 'v2.py', 'v1.pth')], '--model a: v1.pth: the weights, of'),
    (('--size', 4), [_ONE],
     '--size must be at least 8, the stride of the backbone, got 4'),
    (('--batch-size', 0), [_ONE], '--batch-size must be positive, got 0'),
    (('--images', 'nowhere'), [_ONE],
     "--images: there is no image and no folder called 'nowhere'"),
    (('--images', 'images/a'), [_ONE],
     'class-selectivity: class selectivity needs images in folders of at '
     'least 2 classes'),
])
def test_refusals(analyze, setting, arguments, models, message, capsys):
    assert analyze('class-selectivity', *arguments, models=models) == _REFUSED
    assert capsys.readouterr().err.startswith(f'analyze.py: {message}')
    assert not (setting / 'out').exists()


def test_checkpoints_that_cannot_be_used(analyze, setting, monkeypatch,
                                         capsys):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(setting / 'hub'))
    whole = (setting / 'v2.pth').read_bytes()
    (setting / 'cut.pth').write_bytes(whole[:len(whole) // 2])
    url = f'{closed()}/w.pth'
    for file, message in (
        ('cut.pth', '--model a: cut.pth is damaged, cut off or no checkpoint ('
         f'{len(whole) // 2} bytes): it is cut off: '),
        (url, f'{url} could not be downloaded (Connection refused)')):
        models = [('a', 'v2.py', file)]
        assert analyze('activations', models=models) == _REFUSED
        assert capsys.readouterr().err.startswith(f'analyze.py: {message}')


def test_damaged_image(analyze, setting, capsys):
    image = setting / 'images/a/1.png'
    image.write_bytes(image.read_bytes()[:-100])
    assert analyze('cosine-distance') == _REFUSED
    assert capsys.readouterr().err.startswith(
        'analyze.py: cosine-distance: images/a/1.png: it cannot be read as an '
        'image: ')
    assert not (setting / 'out').exists()
