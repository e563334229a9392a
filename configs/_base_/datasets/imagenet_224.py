# ImageNet-1K at 224 px, with the augmentation that is common to training and
# fine-tuning (ConvNeXt V2, Tables 9 to 13): RandAugment, known as
# rand-m9-mstd0.5-inc1, and random erasing. Evaluated on the central 224 px of
# an image resized to 256. 32 images on each of 8 GPUs.
dataset_type = 'ImageNet'
data_root = 'data/imagenet/'
image_size = 224  # pixels, of each side
# Of ImageNet, in the order of the channels of an image that was read: BGR.
pixel_mean = [103.53, 116.28, 123.675]
pixel_std = [57.375, 57.12, 58.395]

bicubic = dict(backend='pillow', interpolation='bicubic')
rand_augment = dict(
    type='RandAugment',
    policies='timm_increasing',
    num_policies=2,
    total_level=10,
    magnitude_level=9,
    magnitude_std=0.5,
    hparams=dict(
        pad_val=[round(x) for x in pixel_mean], interpolation='bicubic'))
# Filled with noise, pixel by pixel.
random_erasing = dict(
    type='RandomErasing',
    erase_prob=0.25,
    mode='rand',
    min_area_ratio=0.02,
    max_area_ratio=1 / 3,
    fill_color=pixel_mean,
    fill_std=pixel_std)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    # As Pillow does it, in a fraction of the time; so does Pillow itself, with
    # --cfg-options train_dataloader.dataset.pipeline.1.backend=pillow
    dict(
        type='mmconvnextv2.RandomResizedCrop',
        scale=image_size,
        interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5), rand_augment, random_erasing,
    dict(type='PackInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='ResizeEdge',
        scale=int(image_size / 0.875),
        edge='short',
        **bicubic),
    dict(type='CenterCrop', crop_size=image_size),
    dict(type='PackInputs')
]

train_dataloader = dict(
    batch_size=32,
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
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='val',
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
# Here and not in a schedule: ImageNet-22K has nothing to evaluate on.
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
