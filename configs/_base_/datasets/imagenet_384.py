# ImageNet-1K at 384 px. Evaluated on the whole image, resized without regard
# to its aspect ratio, as in the official code from 384 px on. 16 images on
# each of 8 GPUs.
_base_ = './imagenet_224.py'

image_size = 384  # pixels, of each side

train_pipeline = [
    _base_.train_pipeline[0],
    dict(_base_.train_pipeline[1], scale=image_size),
    *_base_.train_pipeline[2:]
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(image_size, image_size), **_base_.bicubic),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=16, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
