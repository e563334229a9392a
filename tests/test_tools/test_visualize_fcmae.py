import cv2
import pytest
import torch
from fcmae_toy import MODEL, write_images
from mmengine.registry import MODELS, DefaultScope

import mmconvnextv2.models.selfsup  # noqa: F401

_REFUSED = 2


@pytest.fixture
def visualize(tool_here, tmp_path):
    """The tool in a folder with toy.py, toy.pth and images/."""
    write_images(tmp_path / 'images')
    (tmp_path / 'toy.py').write_text(
        "default_scope = 'mmpretrain'\n"
        "custom_imports = dict(imports=['mmconvnextv2.models.selfsup'])\n"
        f'model = {MODEL!r}\n')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(MODEL)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'toy.pth')
    tool = tool_here('visualize_fcmae')
    return lambda *arguments, out='out': tool(
        'toy.py', 'toy.pth', *arguments, '--out', out)


def test_folder(visualize, capsys):
    assert visualize('images', '--size', '24') == 0
    files = [f'out/{i}_fcmae.png' for i in range(4)]
    assert capsys.readouterr().out.splitlines()[-4:] == files
    # 40 x 32 pixels become 30 x 24, cropped to 24 x 24.
    assert cv2.imread(files[0]).shape == (26, 4 * 26, 3)


def test_image_and_seed(visualize):
    pictures = [
        visualize('images/1.png', '--seed', seed, out=f'out{i}')
        or cv2.imread(f'out{i}/1_fcmae.png') for i, seed in enumerate('001')
    ]
    # 40 x 32 pixels become 280 x 224.
    assert pictures[0].shape == (226, 4 * 282, 3)
    assert (pictures[0] == pictures[1]).all()
    assert (pictures[0] != pictures[2]).any()


def test_nothing_is_overwritten_unasked(visualize, tmp_path, capsys):
    assert visualize('images/1.png') == 0
    picture = tmp_path / 'out/1_fcmae.png'
    before = picture.read_bytes()
    assert visualize('images', '--seed', 1) == _REFUSED
    assert capsys.readouterr().err == (
        'visualize_fcmae.py: --out: out/1_fcmae.png exists (of 1 such files); '
        'choose another folder or --overwrite\n')
    assert list((tmp_path / 'out').iterdir()) == [picture]
    assert visualize('images', '--seed', 1, '--overwrite') == 0
    assert picture.read_bytes() != before


@pytest.mark.parametrize('arguments, message', [
    (('nothing', ), "there is no image and no folder called 'nothing'"),
    (('.', ), "there is no image in the folder '.'"),
    (('toy.py', ), 'toy.py: it is not an image, or of an unknown kind'),
    (('images', '--size', '4'),
     'toy.py: size must be at least 8, the side of a patch, got 4'),
    (('images', '--mask-ratio', '1'),
     'mask_ratio 1.0 leaves nothing visible of 980 patches'),
    (('images', '--overwrite'), 'checkpoint: toy.pth: it does not hold the '
     'whole model of the config:\n  missing ('),
])
def test_refusals(visualize, arguments, message, capsys):
    if 'missing' in message:
        torch.save(dict(state_dict={'head.weight': torch.zeros(2)}), 'toy.pth')
    assert visualize(*arguments) == _REFUSED
    assert message in capsys.readouterr().err


def test_config_without_a_model(visualize, tmp_path, capsys):
    (tmp_path / 'toy.py').write_text('')
    assert visualize('images') == _REFUSED
    assert capsys.readouterr().err.endswith(
        'visualize_fcmae.py: toy.py: the config has no model\n')
