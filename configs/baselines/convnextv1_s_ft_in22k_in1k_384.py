# ConvNeXt (V1) small, fine-tuned on ImageNet-1K at 384 px after ImageNet-22K,
# 30 epochs, 8 GPUs x 16 images x 4 iterations per step:
#   bash tools/dist_train.sh convnextv1_s_ft_in22k_in1k_384 8
# Expected top-1: 85.8 (ConvNeXt, README of the code). Not yet reproduced by
# us. No recipe is published: values are those of V1-B, which has the same
# depth. Starts from the authors' weights of ImageNet-22K. Decay: group-wise.
_base_ = './convnextv1_b_ft_in22k_in1k_384.py'

checkpoint = 'https://dl.fbaipublicfiles.com/convnext/convnext_small_22k_224.pth'  # noqa: E501
model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint=checkpoint)),
    head=dict(in_channels=768))
