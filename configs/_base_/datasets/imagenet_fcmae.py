# ImageNet-1K without labels, random crops of 224 px (ConvNeXt V2, Table 8).
# 64 images on each of 8 GPUs.
dataset_type = 'ImageNet'
data_root = 'data/imagenet/'
image_size = 224  # pixels, of each side

train_pipeline = [
    dict(type='LoadImageFromFile'),
    # As Pillow does it, in a fraction of the time; so does Pillow itself, with
    # --cfg-options train_dataloader.dataset.pipeline.1.backend=pillow
    dict(
        type='mmconvnextv2.RandomResizedCrop',
        scale=image_size,
        crop_ratio_range=(0.2, 1.0),
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train',
        pipeline=train_pipeline))
