# FCMAE on the shapes data set, ConvNeXt V2 atto, with GRN without aggregation,
# x * N(x) (Table 16).
#   python tools/train.py fcmae_convnextv2_a_grn_xn_shapes
# The paper found it unstable with base on ImageNet, where GRN gives 84.6
# top-1.
_base_ = '../fcmae_convnextv2_a_shapes.py'

model = dict(backbone=dict(grn_cfg=dict(aggregation=None)))
