# From ResNet-200 to ConvNeXt-B: step 15, LN instead of BN; ImageNet-1K at 224
# px, 300 epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt,
# Section 2):
#   bash tools/dist_train.sh roadmap_b_15_ln_in1k 8
# Expected top-1: 83.35 (ConvNeXt, Table 11). Not yet reproduced by us.
_base_ = './roadmap_b_14_fewer_norms_in1k.py'

model = dict(backbone=dict(norm='LN'))
