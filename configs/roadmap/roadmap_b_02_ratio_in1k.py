# From ResNet-200 to ConvNeXt-B: step 2, stage ratio; ImageNet-1K at 224 px,
# 300 epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt, Section
# 2):
#   bash tools/dist_train.sh roadmap_b_02_ratio_in1k 8
# Expected top-1: 81.33 (ConvNeXt, Table 11). Not yet reproduced by us.
_base_ = './roadmap_b_01_resnet_in1k.py'

model = dict(
    backbone=dict(depths=(3, 3, 27, 3), width=84),
    head=dict(in_channels=2688))
