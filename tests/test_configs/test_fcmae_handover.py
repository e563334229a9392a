"""A pre-trained checkpoint is taken by classifiers, detectors, segmentors."""
import re
from collections import Counter

import mmdet.models  # noqa: F401
import mmpretrain.models  # noqa: F401
import mmseg.models  # noqa: F401
import pytest
import torch
from config_run import CONFIGS, LEAVES, train
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import CheckpointLoader

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2.datasets import make_shapes
from mmconvnextv2.text import first_of

DOWNSTREAM = sorted(
    path.name for path in CONFIGS.glob('*convnextv2_*.py')
    if not path.name.startswith('fcmae_'))
# Small enough to be built with values.
SHAPES = [x for x in DOWNSTREAM if re.search('convnextv2_a_.*shapes', x)]
PREFIX = 'backbone.'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """What two iterations of the FCMAE config on shapes write."""
    folder = tmp_path_factory.mktemp('fcmae')
    make_shapes(folder / 'data' / 'shapes', num_train=4, num_val=1)
    train(folder, CONFIGS / 'fcmae_convnextv2_a_shapes.py',
          'model.neck.decoder_channels=16', 'train_dataloader.batch_size=2',
          'train_cfg.max_epochs=1', 'param_scheduler=None')
    file, = (folder / 'work_dirs').glob('*/epoch_1.pth')
    return str(file)


def build(cfg):
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return MODELS.build(cfg.model)


@pytest.fixture
def told(monkeypatch):
    """What loading says."""
    lines = []
    monkeypatch.setattr('mmconvnextv2.checkpoint.pretrained.print_log',
                        lambda text, *args, **kwargs: lines.append(text))
    return lines


def output_norms(backbone):
    return [
        f'norm{i}.{value}' for i in backbone.out_indices
        for value in ('weight', 'bias')
    ]


@pytest.mark.parametrize('name', SHAPES)
def test_config_takes_the_checkpoint(name, checkpoint, told):
    """The backbone is the checkpoint's, bit for bit, but for its norms."""
    cfg = Config.fromfile(CONFIGS / name)
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=checkpoint, prefix=PREFIX)
    model = build(cfg)
    model.init_weights()
    backbone = model.backbone
    norms = output_norms(backbone)
    report, = told
    loaded, *rest = report.splitlines()
    count = len(backbone.state_dict()) - len(norms)
    assert loaded == (f'loaded {count} tensors of format mmpretrain from '
                      f'{checkpoint}')
    saved = CheckpointLoader.load_checkpoint(checkpoint, 'cpu')['state_dict']
    others = [name for name in saved if not name.startswith(PREFIX)]
    assert rest == [
        f'  missing ({len(norms)}): {first_of(norms)}',
        f'  not of the backbone ({len(others)}): {first_of(others)}'
    ]
    saved = {
        name.removeprefix(PREFIX): value
        for name, value in saved.items() if name.startswith(PREFIX)
    }
    found = backbone.state_dict()
    assert found.keys() - saved.keys() == set(norms)
    assert [name for name in saved if not found[name].equal(saved[name])] == []
    for name in norms:
        assert set(found[name].tolist()) == {float('weight' in name)}


def test_checkpoint_is_of_a_trained_model(checkpoint):
    saved = CheckpointLoader.load_checkpoint(checkpoint, 'cpu')
    assert saved['meta']['iter'] == 2
    cfg = Config.fromfile(CONFIGS / 'fcmae_convnextv2_a_shapes.py')
    cfg.model.neck.decoder_channels = 16
    assert saved['state_dict'].keys() == build(cfg).state_dict().keys()
    # Biases start at 0.
    assert saved['state_dict']['backbone.stages.0.0.norm.bias'].any()


@pytest.mark.parametrize('name, dropped, added', [
    ('convnextv2_b_grn_dropped_ft_in1k', 2, 0),
    ('convnextv1_b_grn_added_ft_in1k', 0, 2),
    *((f'convnextv2_b_{x}_ft_in1k', 0, 0)
      for x in ('lrn', 'bn', 'ln', 'se', 'cbam')),
])
def test_ablations_take_their_pretraining(tmp_path, told, name, dropped,
                                          added):
    cfg = Config.fromfile(LEAVES[name])
    init = cfg.model.backbone.init_cfg
    start = Config.fromfile(LEAVES[init.checkpoint.split('/')[1]])
    for part in (cfg, start):
        part.model.backbone.arch = dict(depths=[1], channels=[8])
    cfg.model.head.in_channels = start.model.neck.in_channels = 8
    start.model.neck.update(patch_size=4)
    start.model.head.patch_size = 4
    fcmae = build(start)
    given = {k: x.normal_() if x.is_floating_point() else x
             for k, x in fcmae.state_dict().items()}
    init.checkpoint = str(tmp_path / 'fcmae.pth')
    torch.save(dict(state_dict=given), init.checkpoint)
    model = build(cfg)
    model.init_weights()
    grn = 'stages.0.0.grn.gamma, stages.0.0.grn.beta'
    assert (f'missing (4): {grn}, norm0.weight' in told[0]) is bool(added)
    assert (f'unexpected (2): {grn}' in told[0]) is bool(dropped)
    found = model.backbone.state_dict()
    assert all(given[PREFIX + k].equal(x) for k, x in found.items()
               if PREFIX + k in given)
    if added:  # the identity at first
        assert not found['stages.0.0.grn.gamma'].any()
    else:
        assert not [k for k in found
                    if PREFIX + k not in given and not k.startswith('norm')]


@pytest.mark.parametrize('name', DOWNSTREAM)
def test_names_and_shapes_are_those_of_pretraining(name):
    size = re.search(r'convnextv2_([a-z])', name).group(1)
    with torch.device('meta'):
        model = build(Config.fromfile(CONFIGS / name))
        fcmae = build(
            Config.fromfile(CONFIGS / f'fcmae_convnextv2_{size}_in1k.py'))
    shapes, pretrained = (
        Counter((name, value.shape)
                for name, value in x.backbone.state_dict().items())
        for x in (model, fcmae))
    assert not pretrained - shapes
    assert sorted(name for name, _ in shapes - pretrained) == sorted(
        output_norms(model.backbone))
