# What makes a two-stage detector small enough for the shapes data set and two
# CPU cores: parts that leaves put into the `model` of their other base.
small_strides = [8, 16, 32]
# From scratch, heads learn faster with a norm.
small_norm = dict(type='GN', num_groups=8)
small_roi = dict(
    roi_layer=dict(sampling_ratio=1),
    out_channels=64,
    featmap_strides=small_strides,
    finest_scale=40)

small_detector = dict(
    data_preprocessor=dict(pad_size_divisor=16),
    # Without the first stage's map, whose many sites cost most of the time.
    backbone=dict(arch='atto', out_indices=[1, 2, 3]),
    neck=dict(
        in_channels=[80, 160, 320],
        out_channels=64,
        num_outs=len(small_strides),
        norm_cfg=small_norm),
    rpn_head=dict(
        in_channels=64,
        feat_channels=64,
        anchor_generator=dict(
            scales=[2, 4], ratios=[1.0], strides=small_strides)),
    test_cfg=dict(
        rpn=dict(nms_pre=200, max_per_img=100), rcnn=dict(max_per_img=30)))
small_roi_head = dict(
    bbox_roi_extractor=small_roi, mask_roi_extractor=small_roi)
small_mask_head = dict(
    num_convs=2,
    in_channels=64,
    conv_out_channels=64,
    norm_cfg=small_norm)
small_rpn_train = dict(
    rpn=dict(sampler=dict(num=128)),
    rpn_proposal=dict(nms_pre=500, max_per_img=200))
