import copy

import pytest
import torch
from fcmae_toy import MODEL
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.inference import export_graphs
from mmconvnextv2.inference.export_graphs import (
    ExactPool,
    ReconstructionGraph,
)
from mmconvnextv2.models import ConvNeXtV2

# Each of these is known to ONNX, OpenVINO, pnnx, coremltools, ExecuTorch and
# LiteRT; addcmul and movedim are not, nor are casts of float32 to float32.
_OPERATORS = {
    'add.Tensor', 'clamp.default', 'contiguous.default', 'conv2d.default',
    'div.Tensor', 'gelu.default', 'layer_norm.default', 'linalg_vector_norm.'
    'default', 'linear.default', 'mean.dim', 'mul.Tensor', 'permute.default'}


@torch.no_grad()
def test_operators_of_a_backbone():
    """A new one may stop a runtime: dev/edge.sh tells."""
    model = ConvNeXtV2(arch=dict(depths=[1, 1], channels=[4, 8]),
                       out_indices=[0, 1], gap_before_final_norm=False).eval()
    inputs = torch.randn(1, 3, 24, 32),
    program = torch.export.export(model, inputs, strict=False)
    calls = {x: str(x.target).removeprefix('aten.')
             for x in program.graph.nodes if x.op == 'call_function'}
    assert set(calls.values()) == _OPERATORS
    # findings/pnnx_onnx_mean.sh
    assert all(len(x.args[1]) > 1 for x in calls if calls[x] == 'mean.dim')
    # ExecuTorch casts integers to float32.
    sums = [y for x in calls if calls[x] == 'add.Tensor' for y in x.args]
    assert {type(x) for x in sums} == {float, torch.fx.Node}


@pytest.mark.parametrize('bins', [1, 2, 3, 6, (2, 5)])
@pytest.mark.parametrize('size', [(1, 1), (4, 7), (16, 11), (6, 12)])
def test_exact_pool(monkeypatch, bins, size):
    """Maps smaller than the bins, too, and sizes that do not divide."""
    monkeypatch.setattr(export_graphs, 'is_exporting', lambda: True)
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(
        ExactPool(bins)(x), torch.nn.AdaptiveAvgPool2d(bins)(x))


def test_pools_of_a_model():
    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(3), torch.nn.ReLU())
    x = torch.randn(1, 2, 7, 8)
    before = model(x)
    export_graphs.exact_pools(model)
    assert type(model[0]) is ExactPool
    assert torch.equal(model(x), before)
    dim = torch.export.Dim
    shapes = ({2: dim('h', min=2), 3: dim('w', min=2)}, )
    run = torch.export.export(
        model, (x, ), dynamic_shapes=shapes, strict=False).module()
    x = torch.randn(1, 2, 5, 4)
    torch.testing.assert_close(run(x), model(x))


@pytest.mark.parametrize('model, neck, backbone, is_dynamic', [
    (dict(input_token=True), {}, dict(masked_impl='leaky'), True),
    ({}, dict(type='mmconvnextv2.FCMAEUNetDecoder', num_stages=2,
              in_channels=[8, 16]), dict(out_indices=[0, 1]), False),
    ({}, dict(type='mmconvnextv2.FCMAETransformerDecoder', depth=1,
              num_heads=2, grid=3), {}, False),
])
@torch.no_grad()
def test_fcmae_is_exported_with_each_decoder(model, neck, backbone,
                                             is_dynamic):
    cfg = {**copy.deepcopy(MODEL), **model}
    cfg['neck'].update(neck)
    cfg['backbone'].update(backbone)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        fcmae = MODELS.build(cfg).eval()
    for parameter in fcmae.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    graph = ReconstructionGraph(fcmae)
    shapes = graph.dims(16) if is_dynamic else None
    run = torch.export.export(
        graph, graph.example((2, 3, 24, 24)), dynamic_shapes=shapes,
        strict=False).module()
    for size in ((2, 3, 24, 24), (3, 3, 16, 40))[:1 + is_dynamic]:
        inputs = graph.example(size, seed=1)
        for found, expected in zip(run(*inputs), graph.reference(*inputs)):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        assert not torch.equal(found, run(*graph.example(size, seed=2))[1])
