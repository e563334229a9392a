# COCO 2017 instance segmentation with large-scale jitter: the image is resized
# to between 0.1 and 2 times 1024 px and cropped to 1024x1024 (ConvNeXt V2,
# Section 5). 4 images on each of 8 GPUs.
_base_ = './coco_instance.py'

image_size = (1024, 1024)  # width, height

train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=_base_.backend_args),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='RandomResize',
        scale=image_size,
        ratio_range=(0.1, 2.0),
        keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_size=image_size,
        crop_type='absolute_range',
        recompute_bbox=True,
        allow_negative_crop=True),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-2, 1e-2)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]

train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
