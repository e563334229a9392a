# FCMAE on the shapes data set, ConvNeXt V2 atto, with GRN without
# normalisation, x * G(x) (Table 16).
#   python tools/train.py fcmae_convnextv2_a_grn_xg_shapes
# The paper: 83.9 top-1 with base on ImageNet, 84.6 with GRN as it is.
_base_ = '../fcmae_convnextv2_a_shapes.py'

model = dict(backbone=dict(grn_cfg=dict(normalization=None)))
