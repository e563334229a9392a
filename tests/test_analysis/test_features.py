import re

import pytest
import torch
from analysis_toy import LAYERS, toy_backbone

from mmconvnextv2.analysis import (
    AFTER_GRN,
    BEFORE_GRN,
    FEATURES,
    OUTPUT,
    Batch,
    ClassSelectivity,
    CosineDistance,
    blocks,
    observe,
)


class Recorder:
    """Keeps everything it is shown."""

    def __init__(self):
        self.seen = {}

    def __call__(self, layer, features, x, labels):
        self.seen.setdefault((layer, features), []).append((x, labels))


def stream(*counts):
    for count in counts:
        yield Batch(torch.randn(count, 3, 16, 16), torch.arange(count) % 2)


@pytest.mark.parametrize('arguments', [
    {}, dict(use_grn=False, layer_scale_init_value=1e-6),
    dict(grn_cfg=dict(aggregation='l1')), dict(with_cp=True)
])
def test_sees_what_the_layers_compute(arguments):
    backbone = toy_backbone(**arguments)
    batch, = stream(2)
    seen = observe(backbone, [batch], FEATURES, Recorder()).seen
    assert list(seen) == [(layer, kind) for layer in LAYERS
                          for kind in FEATURES]
    with torch.no_grad():
        x = backbone.downsample_layers[0](batch.inputs)
        for layer, block in blocks(backbone).items():
            if layer == 'stages.1.0':
                x = backbone.downsample_layers[1](x)
            mlp = block.depthwise_conv(x)
            mlp = block.norm(mlp.permute(0, 2, 3, 1))
            mlp = block.act(block.pointwise_conv1(mlp))
            torch.testing.assert_close(seen[layer, BEFORE_GRN][0][0], mlp)
            if block.grn is not None:
                mlp = block.grn(mlp)
            torch.testing.assert_close(seen[layer, AFTER_GRN][0][0], mlp)
            x = block(x)
            torch.testing.assert_close(seen[layer, OUTPUT][0][0],
                                       x.permute(0, 2, 3, 1))
            assert seen[layer, OUTPUT][0][1] is batch.labels


def test_leaves_the_backbone_as_it_was():
    backbone = toy_backbone(drop_path_rate=0.5).train()
    recorder = Recorder()
    observe(backbone, stream(1), FEATURES, recorder)
    assert backbone.training
    with pytest.raises(RuntimeError):
        observe(backbone, [Batch(torch.rand(1, 7, 16, 16), None)], FEATURES,
                recorder)
    assert backbone.training
    count = len(recorder.seen[LAYERS[0], BEFORE_GRN])
    backbone(torch.rand(1, 3, 16, 16))
    assert len(recorder.seen[LAYERS[0], BEFORE_GRN]) == count
    assert not any(m._forward_hooks or m._forward_pre_hooks
                   for m in backbone.modules())


def test_refuses_unknown_features():
    message = re.escape("features must be some of ('before_grn', 'after_grn', "
                        "'output'), got also ['gelu']")
    with pytest.raises(ValueError, match=f'^{message}$'):
        observe(toy_backbone(), [], ('gelu', OUTPUT), print)


@pytest.mark.parametrize('make, expected', [
    # 4 sums for 3 blocks and 3 kinds of features.
    (CosineDistance, 3 * 3 * 4),
    # Sums for 3 classes and their counts, for all units.
    (lambda: ClassSelectivity(3),
     3 * ((4 + 8 + 8) + 2 * (16 + 32 + 32)) + 3 * 9),
])
def test_memory_does_not_grow_with_the_images(make, expected):
    for count in (2, 12):
        kept = observe(toy_backbone(), stream(*[2] * count), FEATURES, make())
        assert sum(x.numel() for x in kept._sums.values()) == expected
