"""Several processes train and evaluate as one with the whole batch does."""
import pytest
import torch
from parallel_runs import TOLERANCE, differing, distance, images_of

# Draws nothing; two iterations an epoch.
_COMMON = '''
custom_imports = dict(imports=[
    'mmconvnextv2', 'in_double', 'recorder', 'parallel_fcmae'])
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, depths=[1, 1, 1, 1], channels=[8, 8, 16, 16])),
    {model})
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(96, 96)),
    dict(type='PackInputs')
]
train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(pipeline=pipeline))
train_cfg = dict(max_epochs=3)
param_scheduler = [dict(type='PolyLR', by_epoch=False, end=9)]
# The norms lie below 1 or above; so gradients are compared as they are in the
# one task, and clipped in the other.
optim_wrapper = dict(clip_grad=dict(max_norm=1.))
custom_hooks = [
    dict(type='mmengine.EMAHook', momentum=0.3),
    dict(type='mmengine.Recorder')]
randomness = dict(seed=0)
'''
_EPOCHS = 3
_FCMAE = _COMMON.format(
    model='''
    type='FCMAEWithGivenMasks', neck=dict(in_channels=16, decoder_channels=16)
''')
_CLASSIFIER = _COMMON.format(model='head=dict(in_channels=16)') + '''
optim_wrapper.update(
    optimizer=dict(lr=1e-2),
    paramwise_cfg=dict(decay_rate=0.8, flat_decay_mult=0.))
train_cfg.update(val_interval=1)
val_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False,
    dataset=dict(pipeline=pipeline))
'''

pytestmark = pytest.mark.timeout(1500)


def check_training(ranks, one, num_images):
    """Compare the processes with one another and with the one alone."""
    assert one['is_wrapped'] is False
    assert [x['is_wrapped'] for x in ranks] == [True] * len(ranks)
    assert images_of(ranks) == one['images']
    assert len({x for batch in one['images'] for x in batch}) == num_images
    for record in ranks:
        assert differing(record['start'], one['start']) == []
        for key in ('end', 'average'):
            assert differing(record[key], ranks[0][key]) == []
            assert distance(record[key], one[key]) < TOLERANCE
    # The average is another than the weights, and these have moved.
    assert distance(one['average'], one['end']) > 1e-4
    assert len(differing(one['start'], one['end'])) == len(one['end'])


def check_steps(ranks, one):
    """Compare losses' mean and gradients with the whole batch's."""
    each = torch.tensor([x['losses'] for x in ranks], dtype=torch.float64)
    whole = torch.tensor(one['losses'], dtype=torch.float64)
    assert len(whole) == 2 * _EPOCHS
    assert (each.mean(0) - whole).abs().max() < TOLERANCE
    # Of other images, each process's own is another.
    assert ((each - whole).abs() > 1e-6).all()
    for record in ranks:
        for mine, alone in zip(record['grads'], one['grads']):
            assert distance(mine, alone) < TOLERANCE


def check_against_one(runs, world_size):
    """Compare processes with one that has the whole batch; returns both."""
    ranks, one = runs.many(world_size), runs.one()
    check_training(ranks, one, runs.num_train)
    check_steps(ranks, one)
    return ranks, one


@pytest.mark.parametrize(
    'world_size', [2, pytest.param(4, marks=pytest.mark.slow)])
def test_fcmae(parallel, world_size):
    runs = parallel('fcmae_convnextv2_a_shapes', _FCMAE)
    check_against_one(runs, world_size)


@pytest.mark.slow
@pytest.mark.parametrize('world_size', [2, 4])
def test_classifier(parallel, world_size):
    runs = parallel('convnextv2_a_ft_shapes', _CLASSIFIER)
    ranks, one = check_against_one(runs, world_size)
    # 7 images are no multiple of any number of processes.
    correct = [x['accuracy/top1'] / 100 * runs.num_val for x in one['metrics']]
    assert len(correct) == _EPOCHS
    assert correct == pytest.approx([round(x) for x in correct])
    assert min(correct) > 0 and max(correct) < runs.num_val
    # All processes are told the same: what one alone measures.
    assert [x['metrics'] for x in ranks] == [one['metrics']] * world_size
