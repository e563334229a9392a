# FCMAE on the shapes data set, ConvNeXt V2 atto, with GRN without its residual
# (Table 2c).
#   python tools/train.py fcmae_convnextv2_a_grn_nores_shapes
# The paper: 84.0 top-1 with base on ImageNet, 84.6 with GRN as it is.
_base_ = '../fcmae_convnextv2_a_shapes.py'

model = dict(backbone=dict(grn_cfg=dict(residual=False)))
