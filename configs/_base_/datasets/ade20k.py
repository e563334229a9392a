# ADE20K, 150 classes, crops of 512x512 from images resized to 0.5 to 2 times
# 2048x512. 2 images on each of 8 GPUs.
dataset_type = 'ADE20KDataset'
data_root = 'data/ade/ADEChallengeData2016'
crop_size = (512, 512)  # height, width
image_scale = (2048, 512)  # longer side and shorter side, at most
# 0.75, 0.875, 1, 1.125 and 1.25 of it (ConvNeXt V2, Section 5).
tta_scales = [(1536, 384), (1792, 448), image_scale, (2304, 576), (2560, 640)]

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(
        type='RandomResize',
        scale=image_scale,
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs')
]
# Annotations come last: the metric is taken at the image's own size.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_scale, keep_ratio=True),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
# Each scale as it is and mirrored, which the paper does not say. The V1 code,
# from which its row of V1-B comes (49.9), mirrors.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[[
            dict(type='Resize', scale=scale, keep_ratio=True)
            for scale in tta_scales
        ], [dict(type='RandomFlip', prob=prob) for prob in (0., 1.)],
                    [dict(type='LoadAnnotations')],
                    [dict(type='PackSegInputs')]])
]

train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='images/training', seg_map_path='annotations/training'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='images/validation',
            seg_map_path='annotations/validation'),
        pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
