# The scenes of the shapes data set (mmconvnextv2.datasets) without labels,
# random crops of 128 px. tools/train.py writes it on first use.
_base_ = './imagenet_fcmae.py'

data_root = 'data/shapes/'
image_size = 128  # pixels, of each side

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='mmconvnextv2.RandomResizedCrop',
        scale=image_size,
        crop_ratio_range=(0.2, 1.0),
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root=data_root,
        data_prefix='train2017/',
        with_label=False,
        pipeline=train_pipeline))
