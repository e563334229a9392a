# MoCo V3, ConvNeXt V2 base, ImageNet-1K, 300 epochs, 8 GPUs x 128 images:
#   bash tools/dist_train.sh mocov3_convnextv2_b_in1k 8
# After fine-tuning (convnextv2_b_mocov3_ft_in1k.py): 83.7 % top-1 (ConvNeXt
# V2, appendix, contrastive learning). Not yet reproduced by us. "Default
# recipes" there; inferred: MoCo V3's for ViT, at a batch of 1024.
_base_ = [
    '../_base_/models/mocov3_convnextv2.py',
    '../_base_/datasets/imagenet_mocov3.py',
    '../_base_/schedules/mocov3_300e.py', '../_base_/selfsup_runtime.py'
]

custom_hooks = []
