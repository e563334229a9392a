"""FCMAE trained by train.py: in processes, seeded and resumed."""
import shutil

import pytest
import torch
from parallel_runs import differing, free_port
from recorder import records

from mmconvnextv2.config.find import find_config
from mmconvnextv2.datasets import make_shapes

# The config on shapes, smaller; 16 patches of an image, of which 6 visible.
_CONFIG = '''
_base_ = '{base}'
custom_imports = dict(imports=[
    'mmconvnextv2', 'mmconvnextv2.models.selfsup', 'recorder'])
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, depths=[1, 1, 1, 1], channels=[8, 8, 16, 16])),
    neck=dict(in_channels=16, decoder_channels=16))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=3)
param_scheduler = [dict(type='PolyLR', by_epoch=False, end=12)]
default_hooks = dict(
    logger=dict(interval=1), checkpoint=dict(interval=1, max_keep_ckpts=3))
custom_hooks = [dict(type='mmengine.Recorder')]
'''
_NUM_IMAGES = 8


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The present folder, with small.py and the data."""
    monkeypatch.chdir(tmp_path)
    make_shapes(tmp_path / 'data' / 'shapes', num_train=_NUM_IMAGES,
                num_val=1)
    base = find_config('fcmae_convnextv2_a_shapes.py')
    (tmp_path / 'small.py').write_text(_CONFIG.format(base=base))
    return tmp_path


def _copies(folder):
    """One image many times; returns the options that have it trained on."""
    image = folder / 'data' / 'shapes' / 'train2017' / '000000000001.jpg'
    (folder / 'copies').mkdir()
    for i in range(_NUM_IMAGES):
        shutil.copy(image, folder / 'copies' / f'{i}.jpg')
    return ('train_dataloader.dataset.data_root=copies',
            'train_dataloader.dataset.data_prefix=')


@pytest.mark.timeout(900)
@pytest.mark.slow
@pytest.mark.parametrize('world_size, workers', [(2, 0), (4, 1)])
def test_processes_draw_their_own(folder, tools, run, world_size, workers):
    done = run(
        folder, 'bash', tools / 'dist_train.sh', 'small.py', world_size,
        '--work-dir', 'w', '--cfg-options',
        f'train_dataloader.num_workers={workers}', *_copies(folder),
        CUDA_VISIBLE_DEVICES='', PORT=free_port())
    assert done.returncode == 0, done.stderr
    ranks = records('w', world_size)
    steps = 3 * _NUM_IMAGES // (2 * world_size)
    for record in ranks:
        assert record['iters'] == list(range(1, steps + 1))
        # A parameter without a gradient would have ended the run.
        assert record['unused_allowed'] is False
        assert differing(record['start'], ranks[0]['start']) == []
        assert differing(record['end'], ranks[0]['end']) == []
    start, end = ranks[0]['start'], ranks[0]['end']
    assert len(differing(start, end)) == len(end)
    for i in range(steps):
        # Of one image, each process crops and masks other parts.
        for key in ('inputs', 'masks'):
            drawn = torch.stack([x[key][i] for x in ranks])
            assert len(drawn.unique(dim=0)) == world_size
        assert len({x['losses'][i] for x in ranks}) == world_size
    masks = torch.stack(ranks[-1]['masks'])
    assert masks.shape == (steps, 2, 4, 4)
    assert masks.flatten(2).sum(2).unique().tolist() == [10]


def test_a_seed_and_a_resumption_repeat_all(folder, load_tool):

    def train(seed, epochs=2, option='--overwrite'):
        assert load_tool('train').main([
            'small.py', '--work-dir', 'w', option, '--cfg-options',
            f'train_cfg.max_epochs={epochs}', f'randomness.seed={seed}',
            'default_hooks.seeding.enabled=True'
        ]) == 0
        return records('w', 1)[0]

    whole, other, half = train(3), train(4), train(3, epochs=1)
    resumed = train(3, option='--resume')
    assert half['iters'] + resumed['iters'] == whole['iters'] == [*range(1, 9)]
    for key in ('losses', 'masks', 'inputs'):
        both = torch.stack([*map(torch.as_tensor, half[key] + resumed[key])])
        assert both.equal(torch.stack([*map(torch.as_tensor, whole[key])]))
        assert not any(
            torch.as_tensor(a).equal(torch.as_tensor(b))
            for a, b in zip(other[key], whole[key]))
    assert differing(resumed['start'], half['end']) == []
    assert differing(resumed['end'], whole['end']) == []
    # No mask is one before.
    masks = torch.stack(whole['masks'])
    assert masks.shape == (8, 2, 4, 4)
    assert len(masks.flatten(2).flatten(0, 1).unique(dim=0)) == 16
