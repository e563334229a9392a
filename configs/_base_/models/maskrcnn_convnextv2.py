# Mask R-CNN with FPN on ConvNeXt V2: the usual settings of a two-stage
# detector, and soft-NMS for the boxes (ConvNeXt V2, Section 5). The RPN keeps
# plain NMS: it ranks proposals, which soft-NMS would only multiply.
channels = [128, 256, 512, 1024]
strides = [4, 8, 16, 32]
num_classes = 80

box_iou = dict(
    type='MaxIoUAssigner', match_low_quality=True, ignore_iof_thr=-1)
sampling = dict(type='RandomSampler', neg_pos_ub=-1)
classification = dict(type='CrossEntropyLoss', loss_weight=1.0)
regression = dict(type='L1Loss', loss_weight=1.0)

model = dict(
    type='MaskRCNN',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_mask=True,
        pad_size_divisor=32),
    backbone=dict(
        type='mmconvnextv2.ConvNeXtV2',
        arch='base',
        out_indices=[0, 1, 2, 3],
        gap_before_final_norm=False),
    neck=dict(
        type='FPN', in_channels=channels, out_channels=256, num_outs=5),
    rpn_head=dict(
        type='RPNHead',
        in_channels=256,
        feat_channels=256,
        anchor_generator=dict(
            type='AnchorGenerator',
            scales=[8],
            ratios=[0.5, 1.0, 2.0],
            strides=[*strides, 64]),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
        loss_cls=dict(use_sigmoid=True, **classification),
        loss_bbox=regression),
    roi_head=dict(
        type='StandardRoIHead',
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
            out_channels=256,
            featmap_strides=strides),
        bbox_head=dict(
            type='Shared2FCBBoxHead',
            in_channels=256,
            fc_out_channels=1024,
            roi_feat_size=7,
            num_classes=num_classes,
            bbox_coder=dict(
                type='DeltaXYWHBBoxCoder', target_stds=[0.1, 0.1, 0.2, 0.2]),
            loss_cls=dict(use_sigmoid=False, **classification),
            loss_bbox=regression),
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=256,
            featmap_strides=strides),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=4,
            in_channels=256,
            conv_out_channels=256,
            num_classes=num_classes,
            loss_mask=dict(use_mask=True, **classification))),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(
                pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3, **box_iou),
            sampler=dict(
                num=256,
                pos_fraction=0.5,
                add_gt_as_proposals=False,
                **sampling),
            allowed_border=-1,
            pos_weight=-1,
            debug=False),
        rpn_proposal=dict(
            nms_pre=2000,
            max_per_img=1000,
            nms=dict(type='nms', iou_threshold=0.7),
            min_bbox_size=0),
        rcnn=dict(
            assigner=dict(
                pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.5, **box_iou),
            sampler=dict(
                num=512,
                pos_fraction=0.25,
                add_gt_as_proposals=True,
                **sampling),
            mask_size=28,
            pos_weight=-1,
            debug=False)),
    test_cfg=dict(
        rpn=dict(
            nms_pre=1000,
            max_per_img=1000,
            nms=dict(type='nms', iou_threshold=0.7),
            min_bbox_size=0),
        rcnn=dict(
            score_thr=0.05,
            nms=dict(type='soft_nms', iou_threshold=0.5),
            max_per_img=100,
            mask_thr_binary=0.5)))
