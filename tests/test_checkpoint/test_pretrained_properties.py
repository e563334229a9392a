"""Weights of any arch through a file of any format, bit for bit."""
import tempfile
from pathlib import Path

import torch
from checkpoint_reference import as_model, assert_same
from hypothesis import given
from hypothesis import strategies as st
from strategies import arguments, build, noise, sizes

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.checkpoint import (
    FORMATS,
    check,
    from_ours,
    recognise,
    to_ours,
    write_checkpoint,
)


@given(
    cfg=arguments(max_stages=5, widths=(1, 9)),
    target=st.sampled_from(list(FORMATS)),
    suffix=st.sampled_from(['.pth', '.safetensors']),
    classes=st.integers(0, 5),
    data=st.data())
def test_through_a_file(cfg, target, suffix, classes, data):
    if target == 'official-pretraining' and not cfg.get('use_grn', True):
        target = 'official'  # The authors pre-train V2 only.
    if target == 'official-isotropic':
        arch = cfg['arch']
        cfg = dict(cfg, stem_norm=False, frozen_stages=0, arch=dict(
            depths=arch['depths'][:1], channels=arch['channels'][:1]))
    if target in ('torchvision', 'huggingface-dinov3') and cfg.get(
            'use_grn', True):
        target = 'timm'  # They have V1 only.
    if target == 'huggingface-dinov3':
        classes = 0  # It has no head.
    cfg = dict(cfg, final_norm=True, out_indices=-1, drop_path_rate=0.)
    model = build(cfg, torch.float32)
    state = as_model(model, classes)
    copies = {name: value.clone() for name, value in state.items()}
    theirs = from_ours(state, target)
    assert not theirs.left_out
    assert recognise(theirs.state).format == target
    back = to_ours(theirs.state)
    assert not back.left_out
    assert_same(back.state, copies)
    assert_same(state, copies)
    check(back.state)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f'w{suffix}')
        write_checkpoint(theirs.state, path)
        loaded = ConvNeXtV2(
            **cfg, init_cfg=dict(type='Pretrained', checkpoint=path))
        loaded.init_weights()
    assert_same(loaded.state_dict(), model.state_dict())
    images = noise(
        2, cfg['in_channels'], *data.draw(sizes(cfg)), seed=1,
        dtype=torch.float32)
    assert torch.equal(loaded(images)[0], model(images)[0])
