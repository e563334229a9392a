# ConvNeXt (V1) base, fine-tuned on ImageNet-1K at 224 px after ImageNet-22K,
# 30 epochs, 8 GPUs x 16 images x 4 iterations per step:
#   bash tools/dist_train.sh convnextv1_b_ft_in22k_in1k 8
# Expected top-1: 85.8 (ConvNeXt V2, Table 15). Not yet reproduced by us.
# Values are those of the V1 code, without EMA. Starts from its weights of
# ImageNet-22K. Decay: group-wise, as there.
_base_ = '../convnextv2_b_ft_in22k_in1k.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_3rdparty_in21k_20220124-13b83eec.pth'  # noqa: E501
model = dict(
    backbone=dict(
        use_grn=False,
        layer_scale_init_value=1e-6,
        init_cfg=dict(checkpoint=checkpoint)))
custom_hooks = []  # no EMA
