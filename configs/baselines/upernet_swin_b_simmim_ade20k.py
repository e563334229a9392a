# UperNet, Swin-B with SimMIM, ADE20K at 512, 160K iterations, 8 GPUs x 2
# images:
#   bash tools/dist_train.sh upernet_swin_b_simmim_ade20k 8
# Expected mIoU with test.py --tta (whole images, 0.75 to 1.25, flip): 52.8
# (ConvNeXt V2, Table 7). Not yet reproduced by us. With mmpretrain's Swin,
# from OpenMMLab's weights of SimMIM (800 epochs), fine-tuned on ImageNet-1K at
# 224 px, as upernet_convnextv2_b_ade20k.py. Inferred: windows of 7, and decay
# and drop path as there; what the baselines took is not said. Decay:
# layer-wise.
_base_ = ['../upernet_convnextv2_b_ade20k.py', '../_base_/models/swin.py']

checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/simmim/simmim_swin-base_16xb128-amp-coslr-800e_in1k-192/swin-base_ft-8xb256-coslr-100e_in1k-224/swin-base_ft-8xb256-coslr-100e_in1k-224_20221208-155cc6e6.pth'  # noqa: E501
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
