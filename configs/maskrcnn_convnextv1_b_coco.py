# Mask R-CNN, ConvNeXt V1-B, COCO, 36 epochs, 8 GPUs x 4 images:
#   bash tools/dist_train.sh configs/maskrcnn_convnextv1_b_coco.py 8
# Expected box / mask AP: 50.3 / 44.9 (ConvNeXt V2, Table 6: supervised
# baseline). Not yet reproduced by us. The recipe of V2-B; the paper does not
# say which values of its sweep the baselines took. From weights supervised on
# IN-1K, those that the V1 code starts from (without EMA). Decay: group-wise,
# the paper's for Base and Large.
_base_ = './maskrcnn_convnextv2_b_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_3rdparty_32xb128-noema_in1k_20220222-dba4f95f.pth'  # noqa: E501
model = dict(
    backbone=dict(
        use_grn=False,
        layer_scale_init_value=1e-6,
        init_cfg=dict(checkpoint=checkpoint)))
