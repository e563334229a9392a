"""Layer decay of any arch: every parameter once, rates that only rise."""
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from mmengine.model import BaseModule
from param_settings import LR, build, param_settings
from strategies import arguments
from torch import nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.backbones.layer_ids import LAYER_ID_RULES


class Model(BaseModule):
    """A backbone and a layer after it."""

    def __init__(self, cfg):
        super().__init__()
        self.backbone = ConvNeXtV2(**cfg)
        self.head = nn.Linear(2, 2)


def _position(name):
    """Where a parameter of the stages lies: stage, block; stem before all."""
    kind, stage, block = name.split('.')[1:4]
    before = kind == 'downsample_layers'
    return int(stage), -1 if before else int(block)


@given(
    cfg=arguments(max_depth=4, widths=(1, 3)),
    decay_type=st.sampled_from(list(LAYER_ID_RULES)),
    decay_rate=st.sampled_from([0.5, 0.9, 1.]))
def test_every_parameter_once(cfg, decay_type, decay_rate):
    model = Model(cfg)
    optim_wrapper = build(model, decay_type=decay_type, decay_rate=decay_rate)
    counts = Counter(
        id(param) for group in optim_wrapper.optimizer.param_groups
        for param in group['params'])
    trained = [p for p in model.parameters() if p.requires_grad]
    assert counts == Counter(id(p) for p in trained)
    rates = {name: lr for name, (lr, _) in param_settings(
        model, optim_wrapper).items()}
    assert set(rates) == {
        n for n, p in model.named_parameters() if p.requires_grad}
    inside = {k: lr for k, lr in rates.items() if k.startswith((
        'backbone.stages', 'backbone.downsample_layers'))}
    assert all(
        (lr == LR) for name, lr in rates.items() if name not in inside)
    assert all(0 < lr <= LR for lr in inside.values())
    blocks = sorted((_position(name), lr) for name, lr in inside.items()
                    if name.startswith('backbone.stages'))
    assert [lr for _, lr in blocks] == sorted(lr for _, lr in blocks)
