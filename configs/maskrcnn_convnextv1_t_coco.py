# Mask R-CNN, ConvNeXt V1-T, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/maskrcnn_convnextv1_t_coco.py 8
# Expected box / mask AP: 46.2 / 41.7 (ConvNeXt, Table 3; OpenMMLab's run: the
# same). Not yet reproduced by us. Values, plain NMS among them, are the V1
# code's, but for the warm-up: 1000 iterations, as OpenMMLab, not 500. From the
# weights that it names: supervised on IN-1K, without EMA. Decay: group-wise;
# the V1 code calls it layer_wise.
_base_ = './maskrcnn_convnextv2_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/downstream/convnext-tiny_3rdparty_32xb128-noema_in1k_20220301-795e9634.pth'  # noqa: E501
model = dict(
    backbone=dict(
        use_grn=False,
        layer_scale_init_value=1e-6,
        init_cfg=dict(checkpoint=checkpoint)),
    test_cfg=dict(rcnn=dict(nms=dict(type='nms'))))
