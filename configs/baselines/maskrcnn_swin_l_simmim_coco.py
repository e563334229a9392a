# Mask R-CNN, Swin-L with SimMIM, COCO, 36 epochs, 8 GPUs x 4 images:
#   bash tools/dist_train.sh maskrcnn_swin_l_simmim_coco 8
# Expected box AP: 53.8 (ConvNeXt V2, Table 6). Not yet reproduced by us. As
# maskrcnn_swin_b_simmim_coco.py, with V2-L's drop path. Decay: layer-wise.
_base_ = './maskrcnn_swin_b_simmim_coco.py'

checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/simmim/simmim_swin-large_16xb128-amp-coslr-800e_in1k-192/simmim_swin-large_16xb128-amp-coslr-800e_in1k-192_20220916-4ad216d3.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.5,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[192, 384, 768, 1536]))
