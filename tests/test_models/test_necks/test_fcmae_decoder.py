import pytest
import torch

from mmconvnextv2.models import FCMAEDecoder


def test_forward():
    torch.manual_seed(0)
    neck = FCMAEDecoder(6, 16, depth=2, patch_size=4, out_channels=2)
    x = torch.randn(2, 6, 3, 5)
    is_masked = torch.rand(2, 3, 5) < 0.6
    pred = neck(x, is_masked)
    assert pred.shape == (2, 15, 4 * 4 * 2)
    # What masked places hold is not read; what visible ones hold is.
    changed = torch.where(is_masked[:, None], 7., x)
    assert torch.equal(neck(changed, is_masked), pred)
    changed = torch.where(is_masked[:, None], x, 7.)
    assert not torch.equal(neck(changed, is_masked), pred)


def test_initialisation():
    torch.manual_seed(0)
    neck = FCMAEDecoder(320)
    neck.init_weights()
    for weight in (neck.mask_token, neck.proj.weight, neck.pred.weight,
                   neck.decoder[0].depthwise_conv.weight,
                   neck.decoder[0].pointwise_conv1.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert not neck.proj.bias.any() and not neck.pred.bias.any()
    assert not neck.decoder[0].grn.gamma.any()
    assert neck.pred.weight.shape == (32 * 32 * 3, 512)


@pytest.mark.parametrize('changes, message', [
    (dict(decoder_channels=0), 'must be positive, got 6, 0, 32 and 3'),
    (dict(depth=-1), 'depth must not be negative, got -1'),
])
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        FCMAEDecoder(6, **changes)
