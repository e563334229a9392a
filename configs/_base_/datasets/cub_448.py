# CUB-200-2011 (200 birds; 5994 images to train, 5794 to test) as unpacked from
# data.caltech.edu/records/65de6-vp158, read by mmpretrain's CUB. Crops of 448
# px from images of 600, as mmpretrain has them. 8 images on each of 8 GPUs.
_base_ = './imagenet_224.py'

data_root = 'data/CUB_200_2011'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(600, 600), **_base_.bicubic),
    dict(type='RandomCrop', crop_size=448),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(600, 600), **_base_.bicubic),
    dict(type='CenterCrop', crop_size=448),
    dict(type='PackInputs')
]

cub = dict(_delete_=True, type='CUB', data_root=data_root)
train_dataloader = dict(
    batch_size=8, dataset=dict(cub, split='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8, dataset=dict(cub, split='test', pipeline=test_pipeline))
test_dataloader = val_dataloader
