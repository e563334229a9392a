# Mask R-CNN, Swin-B with SimMIM, COCO, 36 epochs, 8 GPUs x 4 images:
#   bash tools/dist_train.sh maskrcnn_swin_b_simmim_coco 8
# Expected box AP: 52.3 (ConvNeXt V2, Table 6). Not yet reproduced by us. With
# mmpretrain's Swin and, as maskrcnn_convnextv2_b_coco.py, from weights of the
# pre-training alone, OpenMMLab's (800 epochs at 192 px). Inferred: windows of
# 7, and decay and drop path as there; what the baselines took is not said.
# Decay: layer-wise.
_base_ = ['../maskrcnn_convnextv2_b_coco.py', '../_base_/models/swin.py']

checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/simmim/simmim_swin-base_16xb128-amp-coslr-800e_in1k-192/simmim_swin-base_16xb128-amp-coslr-800e_in1k-192_20220916-a0e931ac.pth'  # noqa: E501
model = dict(
    backbone=dict(
        _base_.swin,
        _delete_=True,
        arch='base',
        drop_path_rate=0.4,
        init_cfg=dict(_base_.swin.init_cfg, checkpoint=checkpoint)))
optim_wrapper = dict(
    paramwise_cfg=dict(
        decay_type='layer_wise', custom_keys=_base_.undecayed))
