# Cascade Mask R-CNN with FPN on ConvNeXt V2: the V1 code's and OpenMMLab's
# settings (three heads of 4 convolutions and 1 linear layer, GIoU loss) with
# the V2 paper's soft-NMS for the boxes, and plain NMS in the RPN.
_base_ = './maskrcnn_convnextv2.py'

box_head = dict(
    type='ConvFCBBoxHead',
    num_shared_convs=4,
    num_shared_fcs=1,
    in_channels=256,
    conv_out_channels=256,
    fc_out_channels=1024,
    roi_feat_size=7,
    num_classes=_base_.num_classes,
    reg_decoded_bbox=True,
    norm_cfg=dict(type='BN'),
    loss_cls=dict(use_sigmoid=False, **_base_.classification),
    loss_bbox=dict(type='GIoULoss', loss_weight=10.0))
stages = [  # IoU of a positive box, spread of the deltas
    (0.5, [0.1, 0.1, 0.2, 0.2]),
    (0.6, [0.05, 0.05, 0.1, 0.1]),
    (0.7, [0.033, 0.033, 0.067, 0.067])
]

model = dict(
    type='CascadeRCNN',
    rpn_head=dict(
        loss_bbox=dict(
            _delete_=True, type='SmoothL1Loss', beta=1 / 9, loss_weight=1.0)),
    roi_head=dict(
        type='CascadeRoIHead',
        num_stages=len(stages),
        stage_loss_weights=[1, 0.5, 0.25],
        bbox_head=[
            dict(
                bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_stds=stds),
                **box_head) for _, stds in stages
        ]),
    train_cfg=dict(
        rpn=dict(allowed_border=0),
        rpn_proposal=dict(max_per_img=2000),
        rcnn=[
            dict(
                assigner=dict(
                    type='MaxIoUAssigner',
                    pos_iou_thr=iou,
                    neg_iou_thr=iou,
                    min_pos_iou=iou,
                    match_low_quality=False,
                    ignore_iof_thr=-1),
                sampler=dict(
                    num=512,
                    pos_fraction=0.25,
                    add_gt_as_proposals=True,
                    **_base_.sampling),
                mask_size=28,
                pos_weight=-1,
                debug=False) for iou, _ in stages
        ]))

# Several processes share the statistics of the heads' batch norm.
sync_bn = 'torch'
