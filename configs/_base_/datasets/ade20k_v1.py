# ADE20K with the scales that ConvNeXt (V1) is tested at.
_base_ = './ade20k.py'

# 0.5, 0.75, 1, 1.25, 1.5 and 1.75 of 2048x512 (the V1 code's *_ms configs).
tta_scales = [(1024, 256), (1536, 384), _base_.image_scale, (2560, 640),
              (3072, 768), (3584, 896)]
tta_pipeline = [
    _base_.tta_pipeline[0],
    dict(
        type='TestTimeAug',
        transforms=[[
            dict(type='Resize', scale=scale, keep_ratio=True)
            for scale in tta_scales
        ], *_base_.tta_pipeline[1].transforms[1:]])
]
