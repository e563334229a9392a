# ADE20K with crops of 640x640 from images resized to 0.5 to 2 times 2560x640.
_base_ = './ade20k.py'

crop_size = (640, 640)  # height, width
image_scale = (2560, 640)  # longer side and shorter side, at most
# 0.75, 0.875, 1, 1.125 and 1.25 of it.
tta_scales = [(1920, 480), (2240, 560), image_scale, (2880, 720), (3200, 800)]

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(_base_.train_pipeline[2], scale=image_scale),
    dict(_base_.train_pipeline[3], crop_size=crop_size),
    *_base_.train_pipeline[4:]
]
test_pipeline = [
    _base_.test_pipeline[0],
    dict(_base_.test_pipeline[1], scale=image_scale),
    *_base_.test_pipeline[2:]
]
tta_pipeline = [
    _base_.tta_pipeline[0],
    dict(
        type='TestTimeAug',
        transforms=[[
            dict(type='Resize', scale=scale, keep_ratio=True)
            for scale in tta_scales
        ], *_base_.tta_pipeline[1].transforms[1:]])
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
