"""The backbone under transforms, tracers and counters, against itself."""
import contextlib

import pytest
import torch
from small_models import ARCH
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.models.feature_extraction import create_feature_extractor

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers.build_grn import GRN_TYPES
from mmconvnextv2.ops.dispatch import plain_layers

X = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
MASK = torch.zeros(2, 1, 1, dtype=torch.bool)


def make(**kwargs):
    torch.manual_seed(0)
    model = ConvNeXtV2(
        ARCH, out_indices=(0, 3), gap_before_final_norm=False, **kwargs)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def test_gradients_of_each_image():
    model = make()
    parameters = {k: v for k, v in model.named_parameters() if k[:4] != 'norm'}

    def loss(parameters, image):
        maps = torch.func.functional_call(model, parameters, (image[None], ))
        return maps[-1].square().mean()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, X)
    for i, image in enumerate(X):
        expected = torch.autograd.grad(
            loss(parameters, image), [*parameters.values()])
        torch.testing.assert_close(
            [x[i] for x in found.values()], [*expected], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('kwargs', [
    dict(), dict(drop_path_rate=0.5),
    dict(use_grn=False, layer_scale_init_value=1.)])
def test_symbolic_trace(kwargs):
    model = make(**kwargs)
    graph = torch.fx.symbolic_trace(model)
    results = []
    for function in (graph, model):
        torch.manual_seed(1)
        results.append([*function(X)])
    torch.testing.assert_close(*results)
    with pytest.raises(ValueError, match='^ConvNeXtV2 expects images .*, got '
                       r'\(2, 3, 16, 16\)$'):
        graph(X[..., :16, :16])
    with pytest.raises(
            ValueError, match='^ConvNeXtV2: torch.fx traces the encoder of '
            'whole images; call the backbone itself with is_masked$'):
        graph(X, MASK)


def test_feature_extractor_of_torchvision():
    model = make(drop_path_rate=0.5).eval()
    seen = []
    model.stages[2].register_forward_hook(lambda *args: seen.append(args[2]))
    model(X)
    found = create_feature_extractor(model, {'stages.2': 'x'})(X)['x']
    torch.testing.assert_close(found, seen[0])


@pytest.mark.parametrize('mode', [
    'real', *(pytest.param(x, marks=pytest.mark.slow)
              for x in ('fake', 'symbolic'))])
def test_make_fx(mode):
    model = make()
    graph = make_fx(model, tracing_mode=mode, _allow_non_fake_inputs=True)(X)
    names = {str(node.target) for node in graph.graph.nodes}
    assert 'aten.gelu.default' in names
    torch.testing.assert_close([*graph(X)], [*model(X)])


class Counter(TorchDispatchMode):
    """Lists operators as counters of operations do, by dispatch alone."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize('mask', [None, MASK])
def test_operators_are_counted(mask):
    model, counter, found = make(), Counter(), []
    for layers in (contextlib.nullcontext, plain_layers):
        counter.names = []
        with torch.no_grad(), layers(), counter:
            model(X, mask)
        found.append(counter.names)
    assert found[0] == found[1]
    assert found[0].count('aten.gelu.default') == sum(ARCH['depths'])


def test_blocks_of_a_whole_map_get_a_tensor_alone():
    model, seen = make(), []
    model.stages[0][0].register_forward_pre_hook(
        lambda module, args: seen.append(len(args)))
    model(X)
    model(X, MASK)
    assert seen == [1, 2]


@pytest.mark.parametrize('grn_cfg', [
    *(dict(type=x) for x in GRN_TYPES), dict(aggregation='l1'),
    dict(aggregation='average', normalization='standardised'),
    dict(aggregation=None, normalization='inverse_sum')], ids=str)
def test_what_replaces_grn_is_traced(grn_cfg):
    model = make(grn_cfg=grn_cfg).eval()
    graph = torch.fx.symbolic_trace(model)
    torch.testing.assert_close([*graph(X)], [*model(X)])
