import json

import cv2
import pytest
import torch
from fcmae_toy import MODEL, write_images
from mmengine.registry import MODELS, DefaultScope

_REFUSED = 2


@pytest.fixture
def setting(tmp_path, monkeypatch):
    """Present folder with toy.py, toy.pth and images/."""
    monkeypatch.chdir(tmp_path)
    import mmconvnextv2.models.selfsup  # noqa: F401
    write_images(tmp_path / 'images')
    text = json.dumps(MODEL).replace('true', 'True').replace('false', 'False')
    (tmp_path / 'toy.py').write_text(
        "default_scope = 'mmpretrain'\n"
        "custom_imports = dict(imports=['mmconvnextv2.models.selfsup'])\n"
        f'model = {text}\n')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(MODEL)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'toy.pth')
    return tmp_path


@pytest.fixture
def visualize(load_tool, setting):
    tool = load_tool('visualize_fcmae')

    def run(*arguments, out='out'):
        return tool.main(
            ['toy.py', 'toy.pth', *map(str, arguments), '--out', out])

    return run


def test_folder(visualize, setting, capsys):
    assert visualize('images', '--size', '24') == 0
    files = [f'out/{i}_fcmae.png' for i in range(4)]
    assert capsys.readouterr().out.splitlines()[-4:] == files
    # 40 x 32 pixels become 30 x 24, cropped to 24 x 24.
    assert cv2.imread(files[0]).shape == (26, 4 * 26, 3)


def test_image_and_seed(visualize, setting):
    pictures = [
        visualize('images/1.png', '--seed', seed, out=f'out{i}')
        or cv2.imread(f'out{i}/1_fcmae.png') for i, seed in enumerate('001')
    ]
    # 40 x 32 pixels become 280 x 224.
    assert pictures[0].shape == (226, 4 * 282, 3)
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()


def test_nothing_is_overwritten_unasked(visualize, setting, capsys):
    assert visualize('images/1.png') == 0
    before = (setting / 'out/1_fcmae.png').read_bytes()
    assert visualize('images', '--seed', 1) == _REFUSED
    assert capsys.readouterr().err == (
        'visualize_fcmae.py: --out: out/1_fcmae.png exists (of 1 such files); '
        'choose another folder or --overwrite\n')
    assert [x.name for x in (setting / 'out').iterdir()] == ['1_fcmae.png']
    assert visualize('images', '--seed', 1, '--overwrite') == 0
    assert (setting / 'out/1_fcmae.png').read_bytes() != before


@pytest.mark.parametrize('arguments, message', [
    (('nothing', ), "there is no image and no folder called 'nothing'"),
    (('.', ), "there is no image in the folder '.'"),
    (('toy.py', ), 'toy.py: it is not an image, or of an'),
    (('images', '--size', '4'),
     'toy.py: size must be at least 8, the side of a'),
    (('images', '--mask-ratio', '1'),
     'mask_ratio 1.0 leaves nothing visible of 980 patches'),
])
def test_refusals(visualize, arguments, message, capsys):
    assert visualize(*arguments) == _REFUSED
    assert message in capsys.readouterr().err


def test_checkpoint_of_another_model(visualize, setting, capsys):
    torch.save(dict(state_dict={'head.weight': torch.zeros(2)}), 'toy.pth')
    assert visualize('images') == _REFUSED
    assert ('checkpoint: toy.pth: it does not hold the whole model of the '
            'config:\n  missing (') in capsys.readouterr().err
