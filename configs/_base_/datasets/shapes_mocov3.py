# Two views of each image of the shapes data set in its ImageNet layout, 64 px,
# without labels. tools/train.py writes it on first use.
_base_ = './imagenet_mocov3.py'

data_root = 'data/shapes/imagenet/'
crop = dict(_base_.crop, scale=64, crop_ratio_range=(0.3, 1.0))
views = [[
    crop, *_base_.colours,
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomFlip', prob=0.5, direction='vertical')
]] * 2

train_pipeline = [
    _base_.train_pipeline[0],
    dict(_base_.train_pipeline[1], transforms=views),
    _base_.train_pipeline[2]
]
train_dataloader = dict(
    batch_size=40,
    num_workers=1,
    dataset=dict(
        data_root=data_root,
        metainfo=dict(
            classes=('circle', 'cross', 'square', 'star', 'triangle')),
        pipeline=train_pipeline))
