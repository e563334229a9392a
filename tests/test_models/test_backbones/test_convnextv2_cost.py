"""What the backbone costs: parameters, operations, copies, graph breaks."""
from collections import Counter

import pytest
import torch
from timm_reference import randomise
from torch import nn
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers import ConvNeXtV2Block
from mmconvnextv2.models.layers.norm import LayerNorm2d

SMALL = dict(depths=[1, 2], channels=[4, 6])


class Classifier(nn.Module):
    """The backbone with the papers' head."""

    def __init__(self, arch):
        super().__init__()
        self.backbone = ConvNeXtV2(arch)
        self.head = nn.Linear(self.backbone.channels[-1], 1000)

    def forward(self, x):
        return self.head(self.backbone(x)[-1])


def count(model, x):
    """Multiply-adds of products, and elements that LayerNorms normalise."""
    normed = []
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.register_forward_hook(
                lambda module, args, out: normed.append(out.numel()))
    with FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops() // 2, sum(normed)


# Name: (parameters, multiply-adds of products, as the papers print them).
# The printed figures hold with four operations for each element of a
# LayerNorm; with none Tiny's would be 4.46, with five Femto's 0.79.
COSTS = {
    'atto': (3_708_400, 547_332_480, '3.7M', '0.55G'),
    'femto': (5_233_240, 779_629_824, '5.2M', '0.78G'),
    'pico': (9_066_280, 1_367_055_360, '9.1M', '1.37G'),
    'nano': (15_623_800, 2_445_528_320, '15.6M', '2.45G'),
    'tiny': (28_635_496, 4_455_531_264, '28.6M', '4.47G'),
    'base': (88_717_800, 15_354_729_472, '89M', '15.4G'),
    'large': (197_956_840, 34_361_433_600, '198M', '34.4G'),
    'huge': (660_289_640, 114_922_100_480, '660M', '115G'),
}


def rounded_like(value, printed):
    digits = len(printed[:-1].partition('.')[2])
    unit = {'M': 1e6, 'G': 1e9}[printed[-1]]
    return f'{value / unit:.{digits}f}{printed[-1]}'


@pytest.mark.parametrize('arch', COSTS)
def test_parameters_and_multiply_adds(arch):
    with torch.device('meta'):
        model = Classifier(arch)
        x = torch.empty(1, 3, 224, 224)
    params, products, params_printed, macs_printed = COSTS[arch]
    assert sum(p.numel() for p in model.parameters()) == params
    assert rounded_like(params, params_printed) == params_printed
    found, normed = count(model, x)
    assert found == products
    assert rounded_like(products + 4 * normed, macs_printed) == macs_printed


def copies(prof):
    """Copied tensors by shape; without vectors and a linear layer's bias."""
    found = Counter()
    for event in prof.events():
        inside = event.cpu_parent.name if event.cpu_parent else ''
        if event.name == 'aten::copy_' and inside != 'aten::addmm' and \
                len(event.input_shapes[0]) > 1:
            found[tuple(event.input_shapes[0])] += 1
    return dict(found)


# oneDNN's product takes no memory to write to, so the MLP's result is copied:
# C channels, of one image in the first stage, of both in the second.
ONEDNN_RESULTS = {(32, 4): 2, (2, 8, 6): 2}


@pytest.mark.parametrize('drop_path_rate', [0., 0.5])
@pytest.mark.parametrize('kwargs, is_map', [
    (dict(), False),
    (dict(out_indices=(0, 1), gap_before_final_norm=False), True)])
def test_no_map_within_is_copied(kwargs, is_map, drop_path_rate):
    model = ConvNeXtV2(SMALL, drop_path_rate=drop_path_rate, **kwargs)
    x = torch.randn(2, 3, 32, 16)
    grads = [torch.randn_like(y) for y in model(x)]
    torch.autograd.backward(model(x), grads)
    with profile(record_shapes=True) as forward:
        outs = model(x)
    # The image, and the weights of the stem and of the downsampling, are
    # brought into channels-last memory, and output maps out of it.
    stem, down = (4, 3, 4, 4), (6, 4, 2, 2)
    expected = {(2, 3, 32, 16): 1, stem: 1, down: 1, **ONEDNN_RESULTS}
    outputs = {(2, 4, 8, 4): 1, (2, 6, 4, 2): 1} if is_map else {}
    assert copies(forward) == {**expected, **outputs}
    with profile(record_shapes=True) as backward:
        torch.autograd.backward(outs, grads)
    # The same weights again and their gradients; for each image and depthwise
    # convolution the gradient, which is the kernel of that of the weight; and
    # the gradients of output maps, which come in as (N, H, W, C) views.
    expected = {stem: 2, down: 2, (4, 1, 8, 4): 2, (6, 1, 4, 2): 4,
                (2, 32, 4): 1, (2, 8, 6): 2}
    outputs = {(2, 8, 4, 4): 1, (2, 4, 2, 6): 1} if is_map else {}
    assert copies(backward) == {**expected, **outputs}


def test_channels_last_input_and_weights_are_not_copied():
    model = ConvNeXtV2(SMALL).to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 32, 24).to(memory_format=torch.channels_last)
    model(x)
    with profile(record_shapes=True) as forward:
        model(x)
    assert copies(forward) == {(48, 4): 2, (12, 6): 4}


@pytest.mark.parametrize('with_hook', [False, True])
@pytest.mark.parametrize('kwargs', [
    dict(), dict(out_indices=(0, 1), gap_before_final_norm=False)])
def test_maps_and_their_gradients_stay_channels_last(kwargs, with_hook):
    model = randomise(ConvNeXtV2(SMALL, **kwargs))
    seen = Counter()

    def check(module, args, y):
        # Inside a block, all but the convolution sees (N, H, W, C).
        is_map = isinstance(module, (nn.Conv2d, nn.Sequential, LayerNorm2d,
                                     ConvNeXtV2Block))
        layout = torch.channels_last if is_map else torch.contiguous_format
        assert y.shape[1 if is_map else -1] in (4, 6, 16, 24)
        assert y.is_contiguous(memory_format=layout), module
        seen['forward'] += 1

        def check_gradient(grad):
            assert grad.is_contiguous(memory_format=layout), module
            seen['backward'] += 1

        y.register_hook(check_gradient)

    for part in (*model.downsample_layers, *model.stages):
        for module in part.modules():
            module.register_forward_hook(check)
    if with_hook:  # which leaves another memory behind
        model.downsample_layers[1].register_forward_hook(
            lambda module, args, y: y.contiguous())
    outs = model(torch.randn(2, 3, 32, 24, requires_grad=True))
    assert all(y.is_contiguous() for y in outs)
    torch.autograd.backward(outs, [torch.randn_like(y) for y in outs])
    assert seen['forward'] == seen['backward'] > 25


@pytest.mark.parametrize('train', [False, True])
@pytest.mark.parametrize('kwargs', [
    dict(drop_path_rate=.5),
    dict(with_cp=True),
    dict(out_indices=(0, 1), gap_before_final_norm=False),
    dict(use_grn=False, layer_scale_init_value=.1)])
def test_compiles_as_one_graph(kwargs, train):
    torch._dynamo.reset()
    model = randomise(ConvNeXtV2(SMALL, **kwargs)).train(train)
    x = torch.randn(2, 3, 24, 16)
    explained = torch._dynamo.explain(model)(x)
    assert explained.graph_break_count == 0, explained.break_reasons
    assert explained.graph_count == 1
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend='aot_eager')
    results = []
    for run in (model, compiled):
        model.zero_grad()
        torch.manual_seed(0)
        outs = run(x)
        sum(out.square().sum() for out in outs).backward()
        results.append([*outs, *(p.grad for p in model.parameters())])
    for a, b in zip(*results):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
