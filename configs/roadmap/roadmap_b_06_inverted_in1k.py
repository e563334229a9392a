# From ResNet-200 to ConvNeXt-B: step 6, inverted bottlenecks; ImageNet-1K at
# 224 px, 300 epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt,
# Section 2):
#   bash tools/dist_train.sh roadmap_b_06_inverted_in1k 8
# Expected top-1: 82.64 (ConvNeXt, Table 11). Not yet reproduced by us.
_base_ = './roadmap_b_05_width_in1k.py'

model = dict(backbone=dict(inverted=True), head=dict(in_channels=1024))
