# For linear heads: crops and flips only. 128 images on each of 8 GPUs.
_base_ = './imagenet_224.py'

train_pipeline = [
    step for step in _base_.train_pipeline
    if step['type'] not in ('RandAugment', 'RandomErasing')
]
train_dataloader = dict(batch_size=128, dataset=dict(pipeline=train_pipeline))
