# From ResNet-50 to ConvNeXt-T: step 14, fewer norms; ImageNet-1K at 224 px,
# 300 epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt, Section
# 2):
#   bash tools/dist_train.sh roadmap_t_14_fewer_norms_in1k 8
# Expected top-1: 81.41 (ConvNeXt, Table 10). Not yet reproduced by us.
_base_ = './roadmap_t_13_fewer_acts_in1k.py'

model = dict(backbone=dict(fewer_norms=True))
