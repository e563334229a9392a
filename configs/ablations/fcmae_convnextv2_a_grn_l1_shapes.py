# FCMAE on the shapes data set, ConvNeXt V2 atto, with GRN that aggregates by
# the L1 norm (Table 2a).
#   python tools/train.py fcmae_convnextv2_a_grn_l1_shapes
# The paper: 84.3 top-1 with base on ImageNet, 84.6 with GRN as it is.
_base_ = '../fcmae_convnextv2_a_shapes.py'

model = dict(backbone=dict(grn_cfg=dict(aggregation='l1')))
