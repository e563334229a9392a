"""Several processes train and evaluate a Mask R-CNN."""
import pytest
import torch
from parallel_runs import TOLERANCE, differing, distance, images_of

# As the config on shapes with its augmentation, its sampling of boxes and a
# dropped path in two; draws depend on iteration and rank. Without a learning
# rate the weights stay, and each iteration can be compared.
_CONFIG = '''
custom_imports = dict(imports=[
    'mmconvnextv2', 'in_double', 'recorder', 'parallel_detector'])
model = dict(
    type='SeeingMaskRCNN',
    backbone=dict(
        drop_path_rate=0.5,
        arch=dict(
            _delete_=True, depths=[1, 1, 1, 1], channels=[8, 8, 16, 16])),
    neck=dict(in_channels=[8, 16, 16]),
    roi_head=dict(bbox_head=dict(fc_out_channels=32)),
    train_cfg=dict(rcnn=dict(sampler=dict(num=16))))
train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=2, val_interval=2)
param_scheduler = []
optim_wrapper = dict(optimizer=dict(lr=0.), clip_grad=None)
default_hooks = dict(seeding=dict(enabled=True))
custom_hooks = [dict(type='mmengine.Recorder')]
randomness = dict(seed=4)
'''
_ITERATIONS = 4

pytestmark = pytest.mark.timeout(1500)


def mean_gradients(shares, iteration):
    """By name, over processes that have not exchanged anything."""
    own = [x['grads'][iteration] for x in shares]
    return {k: torch.stack([x[k] for x in own]).mean(0) for k in own[0]}


def relative_distance(first, second):
    """The largest difference in a parameter, to its largest gradient or 1.

    That of the stem's bias is about 1e6 at first, where images are padded: a
    site of zeros has no variance, and LayerNorm magnifies what enters there.
    """
    return max(
        distance({name: first[name]}, {name: second[name]}) /
        max(1, second[name].abs().max()) for name in second)


@pytest.mark.slow
@pytest.mark.parametrize('world_size', [2, 4])
def test_mask_rcnn(parallel, world_size):
    runs = parallel('maskrcnn_convnextv2_a_shapes', _CONFIG)
    ranks = runs.many(world_size)
    shares = [runs.share(i, world_size) for i in range(world_size)]
    check_gradients(ranks, shares)
    (metrics, ) = shares[0]['metrics']
    for key in ('coco/bbox_mAP', 'coco/segm_mAP'):
        assert 0.1 < metrics[key] < 0.9
    assert [x['metrics'] for x in ranks] == [[metrics]] * world_size
    assert [x['metrics'] for x in shares] == [[metrics]] * world_size


def check_gradients(ranks, shares):
    """Compare the reduced gradients with the mean of what each has alone."""
    assert not any(x['is_wrapped'] for x in shares)
    for rank, share in zip(ranks, shares):
        assert rank['images'] == share['images']
        assert len(rank['images']) == _ITERATIONS
        assert differing(rank['start'], share['start']) == []
        assert differing(rank['start'], rank['end']) == []
        # Each has the loss that it has alone.
        assert rank['losses'] == pytest.approx(share['losses'], abs=TOLERANCE)
    assert len(set(map(tuple, images_of(ranks)))) == _ITERATIONS
    for i in range(_ITERATIONS):
        mean = mean_gradients(shares, i)
        for rank in ranks:
            assert relative_distance(rank['grads'][i], mean) < TOLERANCE
        # The mean is not what each has.
        assert relative_distance(shares[0]['grads'][i], mean) > 0.01
