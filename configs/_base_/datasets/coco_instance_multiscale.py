# COCO 2017 instance segmentation with the V1 code's augmentation, that of
# DETR: the shorter side is resized to 480 to 800 px, of half of the images
# after cropping. 2 images on each of 8 GPUs.
_base_ = './coco_instance.py'

longest = 1333  # pixels, of the longer side
resize = dict(
    type='RandomChoiceResize',
    scales=[(side, longest) for side in range(480, 801, 32)],
    keep_ratio=True)
resize_before_crop = dict(
    type='RandomChoiceResize',
    scales=[(side, longest) for side in (400, 500, 600)],
    keep_ratio=True)
crop = dict(
    type='RandomCrop',
    crop_size=(384, 600),  # shortest and longest side
    crop_type='absolute_range',
    allow_negative_crop=True)

train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=_base_.backend_args),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomChoice',
        transforms=[[resize], [resize_before_crop, crop, resize]]),
    dict(type='PackDetInputs')
]

train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
