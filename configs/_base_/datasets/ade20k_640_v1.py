# ADE20K at 640 with the scales that ConvNeXt (V1) is tested at.
_base_ = './ade20k_640.py'

# 0.5, 0.75, 1, 1.25, 1.5 and 1.75 of 2560x640 (the V1 code's *_ms configs).
tta_scales = [(1280, 320), (1920, 480), _base_.image_scale, (3200, 800),
              (3840, 960), (4480, 1120)]
tta_pipeline = [
    _base_.tta_pipeline[0],
    dict(
        type='TestTimeAug',
        transforms=[[
            dict(type='Resize', scale=scale, keep_ratio=True)
            for scale in tta_scales
        ], *_base_.tta_pipeline[1].transforms[1:]])
]
