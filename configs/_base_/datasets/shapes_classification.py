# The shapes data set (mmconvnextv2.datasets) in its ImageNet layout, one large
# shape in each image, read by the same class as ImageNet itself.
# tools/train.py writes it on first use.
_base_ = './imagenet_224.py'

data_root = 'data/shapes/imagenet/'
metainfo = dict(classes=('circle', 'cross', 'square', 'star', 'triangle'))
image_size = 96  # pixels, of each side

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmconvnextv2.RandomResizedCrop',
        scale=image_size,
        crop_ratio_range=(0.6, 1.0),
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
    dict(type='PackInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(image_size, image_size), **_base_.bicubic),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    dataset=dict(
        data_root=data_root, metainfo=metainfo, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=16,
    num_workers=1,
    dataset=dict(
        data_root=data_root, metainfo=metainfo, pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(topk=(1, ))
test_evaluator = val_evaluator
