# FCMAE on the shapes data set, ConvNeXt V2 atto, with GRN that divides by the
# sum of the norms alone (Table 2b).
#   python tools/train.py fcmae_convnextv2_a_grn_sum_shapes
# The paper: 83.8 top-1 with base on ImageNet, 84.6 with GRN as it is.
_base_ = '../fcmae_convnextv2_a_shapes.py'

model = dict(backbone=dict(grn_cfg=dict(normalization='inverse_sum')))
