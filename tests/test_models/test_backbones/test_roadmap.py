"""Every step from ResNet to ConvNeXt: its ends, and its leaves."""
import re

import pytest
import torch
from mmengine.config import Config
from mmpretrain.models import ResNet
from mmpretrain.models.backbones.resnet import Bottleneck
from timm_reference import randomise

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.analysis.complexity import count_complexity
from mmconvnextv2.config.find import find_config
from mmconvnextv2.models import RoadmapNet

ALL = dict(
    patchify=True, depthwise=True, inverted=True, conv_first=True,
    kernel_size=7, act='GELU', fewer_acts=True, fewer_norms=True, norm='LN',
    separate_downsampling=True, layer_scale_init_value=1.)
# Tables 10 and 11, in 10^9; None where what is printed cannot be.
PRINTED = dict(
    resnet=(4.09, 15.01), ratio=(4.53, 14.52), patchify=(4.42, 14.38),
    depthwise=(2.35, 7.23), width=(5.27, 16.76), inverted=(4.64, 15.68),
    conv_first=(4.07, 14.63), kernel5=(4.10, 14.70), kernel7=(4.15, 14.81),
    kernel9=(4.21, 14.95), kernel11=(4.29, 15.13), gelu=(4.15, 14.81),
    fewer_acts=(4.15, 14.81), fewer_norms=(4.15, 14.81), ln=(None, 14.81),
    convnext=(4.49, 15.35))


class ResNet200(ResNet):
    """mmpretrain's, with the blocks of ResNet-200."""

    arch_settings = {200: (Bottleneck, (3, 24, 36, 3)),
                     50: (Bottleneck, (3, 4, 6, 3))}


@pytest.mark.parametrize('depth, depths', [
    (50, (3, 4, 6, 3)),
    pytest.param(200, (3, 24, 36, 3), marks=pytest.mark.slow),
])
def test_first_step_is_mmpretrains_resnet(depth, depths):
    theirs = randomise(ResNet200(depth), 0)
    theirs.eval()  # returns nothing
    ours = RoadmapNet(depths).eval()
    # Both in the order of computation.
    values = list(theirs.state_dict().values())
    ours.load_state_dict(dict(zip(ours.state_dict(), values)))
    assert len(values) == len(ours.state_dict())
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected = theirs(x)[-1].mean((2, 3))
        torch.testing.assert_close(
            ours(x)[0], expected, rtol=1e-5,
            atol=1e-5 * expected.abs().max().item())


def their_name(name):
    """Name in ConvNeXtV2 of a parameter of the last step."""
    name = re.sub(r'^stem', 'downsample_layers.0', name)
    name = re.sub(r'^final_norm', 'norm3', name)
    match = re.match(r'stages\.(\d)\.(\d+)\.(.*)', name)
    if not match:
        return name
    stage, place, rest = int(match[1]), int(match[2]), match[3]
    if stage and place < 2:
        return f'downsample_layers.{stage}.{place}.{rest}'
    layers = {'layers.0.0': 'depthwise_conv', 'layers.0.1': 'norm',
              'layers.1.0': 'pointwise_conv1', 'layers.2.0': 'pointwise_conv2'}
    for ours, theirs in layers.items():
        rest = rest.replace(ours, theirs)
    return f'stages.{stage}.{place - 2 * bool(stage)}.{rest}'


@pytest.mark.parametrize('depths, width', [
    ((3, 3, 9, 3), 96),
    pytest.param((3, 3, 27, 3), 128, marks=pytest.mark.slow),
])
def test_last_step_is_convnext(depths, width):
    arch = dict(depths=depths, channels=[width * 2**i for i in range(4)])
    theirs = randomise(
        ConvNeXtV2(arch, use_grn=False, layer_scale_init_value=1.), 0).eval()
    ours, state = RoadmapNet(depths, width, **ALL).eval(), theirs.state_dict()
    ours.load_state_dict({
        name: state.pop(their_name(name)).view_as(x)
        for name, x in ours.state_dict().items()
    })
    assert not state
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(
            ours(x)[0], theirs(x)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('step', [pytest.param(
    x, marks=[pytest.mark.slow] * (x not in ('width', 'ln')))
    for x in PRINTED])
@pytest.mark.parametrize('regime', [0, 1])
def test_complexity_is_as_printed(step, regime):
    number = 1 + list(PRINTED).index(step)
    path = find_config(f'roadmap_{"tb"[regime]}_{number:02d}_{step}_in1k')
    found = count_complexity(Config.fromfile(path), (224, 224))
    printed = PRINTED[step][regime]
    if printed is None:
        # Norms have no products: as before them. Printed is the next step's.
        printed = PRINTED['fewer_norms'][regime]
        assert found.multiply_adds == pytest.approx(4.146e9, rel=1e-3)
    assert found.multiply_adds / 1e9 == pytest.approx(printed, rel=0.01)


@pytest.mark.parametrize('given, message', [
    (dict(act='SiLU'), "got 'SiLU' and 'BN'"),
    (dict(norm='GN'), "got 'ReLU' and 'GN'"),
    (dict(conv_first=True), 'conv_first needs the steps before it'),
    (dict(fewer_acts=True), 'fewer_.* needs the steps before it'),
    (dict(separate_downsampling=True), 'separate_downsampling needs'),
])
def test_steps_need_those_before(given, message):
    with pytest.raises(ValueError, match=message):
        RoadmapNet(**given)


def test_drop_path_rises_over_the_blocks():
    net = RoadmapNet((1, 2), 4, drop_path_rate=0.2)
    rates = [x.drop_path.drop_prob for stage in net.stages for x in stage]
    assert rates == pytest.approx([0., 0.1, 0.2])
