# Two views of each image of the shapes data set in its ImageNet layout, 32 px,
# without labels: large crops, and no change of hues, by which the classes
# differ. tools/train.py writes the set on first use.
_base_ = './imagenet_mocov3.py'

data_root = 'data/shapes/imagenet/'
same_hue = dict(_base_.jitter, hue=0.)
views = [[
    dict(_base_.crop, scale=32, crop_ratio_range=(0.5, 1.0)),
    dict(_base_.colours[0], transforms=[dict(type='ColorJitter', **same_hue)]),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomFlip', prob=0.5, direction='vertical')
]] * 2

train_pipeline = [
    _base_.train_pipeline[0],
    dict(_base_.train_pipeline[1], transforms=views),
    _base_.train_pipeline[2]
]
train_dataloader = dict(
    batch_size=100,
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        metainfo=dict(
            classes=('circle', 'cross', 'square', 'star', 'triangle')),
        pipeline=train_pipeline))
