# From ResNet-50 to ConvNeXt-T: step 4, depthwise convolutions; ImageNet-1K at
# 224 px, 300 epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt,
# Section 2):
#   bash tools/dist_train.sh roadmap_t_04_depthwise_in1k 8
# Expected top-1: 78.28 (ConvNeXt, Table 10). Not yet reproduced by us.
_base_ = './roadmap_t_03_patchify_in1k.py'

model = dict(backbone=dict(depthwise=True))
