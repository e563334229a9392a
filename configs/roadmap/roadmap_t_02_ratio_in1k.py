# From ResNet-50 to ConvNeXt-T: step 2, stage ratio; ImageNet-1K at 224 px, 300
# epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt, Section 2):
#   bash tools/dist_train.sh roadmap_t_02_ratio_in1k 8
# Expected top-1: 79.36 (ConvNeXt, Table 10). Not yet reproduced by us.
_base_ = './roadmap_t_01_resnet_in1k.py'

model = dict(backbone=dict(depths=(3, 3, 9, 3)))
