# Two views of each image of ImageNet-1K, as mmpretrain's MoCo V3 on ViT: only
# one is always blurred, only the other is solarised. 128 images on each of 8
# GPUs.
_base_ = './imagenet_fcmae.py'

jitter = dict(brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)
crop = dict(_base_.train_pipeline[1], crop_ratio_range=(0.08, 1.0))
colours = [
    dict(
        type='RandomApply',
        transforms=[dict(type='ColorJitter', **jitter)],
        prob=0.8),
    dict(
        type='RandomGrayscale',
        prob=0.2,
        keep_channels=True,
        channel_weights=(0.114, 0.587, 0.2989))
]
blur = dict(
    type='GaussianBlur', magnitude_range=(0.1, 2.0), magnitude_std='inf')
views = [[
    crop, *colours,
    dict(blur, prob=blurred),
    dict(type='Solarize', thr=128, prob=solarised),
    dict(type='RandomFlip', prob=0.5)
] for blurred, solarised in ((1.0, 0.0), (0.1, 0.2))]

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiView', num_views=[1, 1], transforms=views),
    dict(type='PackInputs')
]
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=train_pipeline))
