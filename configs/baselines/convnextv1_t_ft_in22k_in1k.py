# ConvNeXt (V1) tiny, fine-tuned on ImageNet-1K at 224 px after ImageNet-22K,
# 90 epochs, 8 GPUs x 16 images x 4 iterations per step:
#   bash tools/dist_train.sh convnextv1_t_ft_in22k_in1k 8
# Expected top-1: 82.9 (ConvNeXt V2, Table 15). Not yet reproduced by us. No
# recipe is published: values are those of V2-T (ConvNeXt V2, Table 13). Starts
# from the authors' weights of ImageNet-22K. Decay: layer-wise, as there.
_base_ = '../convnextv2_t_ft_in22k_in1k.py'

checkpoint = 'https://dl.fbaipublicfiles.com/convnext/convnext_tiny_22k_224.pth'  # noqa: E501
model = dict(
    backbone=dict(
        use_grn=False,
        layer_scale_init_value=1e-6,
        init_cfg=dict(checkpoint=checkpoint)))
