"""MoCo V3 by its formulas (arXiv 2104.02057), with mmpretrain's algorithm."""
import copy
import math

import pytest
import torch
from config_run import LEAVES
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.nn.functional import cross_entropy, normalize

_ITERATIONS, _BATCH, _TEMPERATURE = 10, 6, 0.2


@pytest.fixture(scope='module')
def model():
    """MoCo V3 of the shapes leaf, in float64, after one update."""
    cfg = Config.fromfile(LEAVES['mocov3_convnextv2_a_shapes'])
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg.model)
    model.init_weights()
    MessageHub.get_current_instance().update_info('max_iters', _ITERATIONS)
    model.double().train()
    model.loss(views(0), None)  # The first update copies.
    return model


def views(seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(_BATCH, 3, 32, 32, generator=generator,
                        dtype=torch.float64) for _ in range(2)]


def reference(model, encoder, keys, images):
    """2 t (CE(q1 k2 / t) + CE(q2 k1 / t)), of units, keys constant."""
    queries = [normalize(model.head.predictor([encoder(x)[0]])[0])
               for x in images]
    with torch.no_grad():
        units = [normalize(keys(x)[0]) for x in images]
    return sum(2 * _TEMPERATURE * cross_entropy(
        q @ k.T / _TEMPERATURE, torch.arange(_BATCH))
        for q, k in zip(queries, units[::-1]))


def test_loss_gradient_and_average(model):
    encoder = torch.nn.Sequential(model.backbone, model.neck)
    with torch.no_grad():  # As an optimiser does between two updates.
        for i, param in enumerate(encoder.parameters()):
            param.add_(1e-3 * math.sin(i))
    steps = int(model.momentum_encoder.steps)
    old = copy.deepcopy(model.momentum_encoder.module)
    loss = model.loss(views(1), None)['loss']
    model.zero_grad()
    loss.backward()

    # The average moves by m, which falls from base_momentum to 0.
    rate = model.momentum_encoder.momentum * (
        1 + math.cos(math.pi * steps / _ITERATIONS)) / 2
    new = list(model.momentum_encoder.module.parameters())
    for before, now, own in zip(old.parameters(), new, encoder.parameters(),
                                strict=True):
        torch.testing.assert_close(now, before + rate * (own - before))
        assert now.grad is None
    trained = [x for x in model.parameters() if x.requires_grad]
    expected = reference(model, encoder, model.momentum_encoder.module,
                         views(1))
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=0)
    grads = torch.autograd.grad(expected, trained)
    for param, grad in zip(trained, grads):
        torch.testing.assert_close(param.grad, grad, rtol=1e-8, atol=1e-14)
    assert sum(x.numel() for x in trained) == sum(
        x.numel() for part in (encoder, model.head)
        for x in part.parameters())
    assert all(x.grad.any() for x in model.head.predictor.parameters())


def test_guessing_costs_four_temperatures_times_the_logarithm(model):
    """The loss of equal features, which the shapes leaf's comment names."""
    same = [views(2)[0][:1].expand(_BATCH, -1, -1, -1)] * 2
    loss = model.loss(same, None)['loss'].item()
    assert loss == pytest.approx(4 * _TEMPERATURE * math.log(_BATCH))
