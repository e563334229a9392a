import pytest
import torch

from mmconvnextv2.models import FCMAEHead
from mmconvnextv2.models.heads.fcmae_head import patchify


def test_patchify_by_hand():
    # Channel 0 holds 0..15, channel 1 the same plus 100.
    image = torch.arange(16.).view(1, 1, 2, 8)
    images = torch.cat([image, image + 100], dim=1)
    patches = patchify(images, 2)
    assert patches.shape == (1, 4, 8)
    assert patches[0, 1].tolist() == [2, 102, 3, 103, 10, 110, 11, 111]


def test_loss_by_hand():
    head = FCMAEHead(patch_size=2)
    images = torch.zeros(1, 1, 2, 6)
    images[0, 0, :, 2:4] = torch.tensor([[1., 2.], [3., 6.]])
    images[0, 0, :, 4:] = torch.tensor([[0., 0.], [0., 4.]])
    pred = torch.zeros(1, 3, 4)
    pred[0, 0] = 50.  # visible, so without effect
    pred[0, 2] = 1.
    is_masked = torch.tensor([[[False, True, True]]])
    # Patch 1: mean 3, variance 14/3, squares of the target add up to 3.
    # Patch 2: mean 1, variance 4, target (-.5, -.5, -.5, 1.5).
    expected = (3 / 4 + (3 * 1.5**2 + 0.5**2) / 4) / 2
    loss = head.loss(pred, images, is_masked)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('norm_pix', [True, False])
def test_to_images_undoes_target(norm_pix):
    torch.manual_seed(0)
    head = FCMAEHead(patch_size=4, norm_pix=norm_pix)
    images = 5 * torch.randn(2, 2, 8, 12) + 3
    torch.testing.assert_close(
        head.to_images(head.target(images), images), images)


def test_errors():
    head = FCMAEHead()
    with pytest.raises(ValueError, match='is_masked masks nothing'):
        head.loss(
            torch.zeros(1, 1, 3072), torch.zeros(1, 3, 32, 32),
            torch.zeros(1, 1, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match='multiples of 32, got 32 x 40'):
        head.target(torch.zeros(1, 3, 32, 40))
    with pytest.raises(ValueError, match='patch_size must be positive, got 0'):
        FCMAEHead(patch_size=0)
