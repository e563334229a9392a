# From ResNet-50 to ConvNeXt-T: step 3, a stem of 4x4 patches; ImageNet-1K at
# 224 px, 300 epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt,
# Section 2):
#   bash tools/dist_train.sh roadmap_t_03_patchify_in1k 8
# Expected top-1: 79.51 (ConvNeXt, Table 10). Not yet reproduced by us.
_base_ = './roadmap_t_02_ratio_in1k.py'

model = dict(backbone=dict(patchify=True))
