# Mask R-CNN, ConvNeXt V1-L, COCO, 36 epochs, 8 GPUs x 4 images:
#   bash tools/dist_train.sh configs/maskrcnn_convnextv1_l_coco.py 8
# Expected box / mask AP: 50.6 / 45.1 (ConvNeXt V2, Table 6: supervised
# baseline). Not yet reproduced by us. The recipe of V2-L, values not printed
# as there. From weights supervised on IN-1K, of which OpenMMLab converted
# those with EMA only. Decay: group-wise, the paper's for Base and Large.
_base_ = './maskrcnn_convnextv2_l_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-large_3rdparty_64xb64_in1k_20220124-f8a0ded0.pth'  # noqa: E501
model = dict(
    backbone=dict(
        use_grn=False,
        layer_scale_init_value=1e-6,
        init_cfg=dict(checkpoint=checkpoint)))
