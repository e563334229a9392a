"""Blocks recomputed in the backward pass give the same gradients."""
import pytest
import torch
from small_models import (
    CLASSIFIER,
    FCMAE,
    build_model,
    load_config,
    make_batch,
)

from mmconvnextv2.models.layers import ConvNeXtV2Block

_BLOCKS = 5


@pytest.fixture
def count(monkeypatch):
    """Function that says how many blocks were computed."""
    calls = []
    compute = ConvNeXtV2Block._forward

    def counting(self, x, layout):
        calls.append(self.depthwise_conv.in_channels)
        return compute(self, x, layout)

    monkeypatch.setattr(ConvNeXtV2Block, '_forward', counting)
    return lambda: len(calls)


def _gradients(name, with_cp, **backbone):
    cfg = load_config(name, **backbone)
    # As a user says it on the command line.
    cfg.merge_from_dict({'model.backbone.with_cp': with_cp})
    model = build_model(cfg)
    batch = make_batch(4)
    torch.manual_seed(1)  # Masks and dropped paths.
    losses = model(**batch, mode='loss')
    losses['loss'].backward()
    # A path was dropped, or recomputation need not draw the same.
    after = torch.rand(3)
    return losses['loss'].detach(), after, {
        k: x.grad
        for k, x in model.named_parameters()
    }


@pytest.mark.parametrize('name, backbone, decoder', [
    (CLASSIFIER, {}, 0),
    (FCMAE, dict(masked_impl='packed'), 1),
    (FCMAE, dict(masked_impl='dense'), 1),
])
def test_gradients_are_equal(name, backbone, decoder, count):
    loss, after, plain = _gradients(name, False, **backbone)
    assert count() == _BLOCKS + decoder
    again, after_again, recomputed = _gradients(name, True, **backbone)
    assert count() == 3 * _BLOCKS + 2 * decoder  # twice with_cp
    assert loss.equal(again)
    assert after.equal(after_again)
    assert plain.keys() == recomputed.keys()
    for key, grad in plain.items():
        assert grad is not None and grad.any(), key
        assert (grad - recomputed[key]).abs().max() <= 1e-12, key
