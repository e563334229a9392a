# From ResNet-200 to ConvNeXt-B: step 4, depthwise convolutions; ImageNet-1K at
# 224 px, 300 epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt,
# Section 2):
#   bash tools/dist_train.sh roadmap_b_04_depthwise_in1k 8
# Expected top-1: 80.54 (ConvNeXt, Table 11). Not yet reproduced by us.
_base_ = './roadmap_b_03_patchify_in1k.py'

model = dict(backbone=dict(depthwise=True))
