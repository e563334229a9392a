# FCMAE on the shapes data set, ConvNeXt V2 atto, with another layer in GRN's
# place in encoder and decoder (Tables 2d and 2e), here LN:
#   python tools/train.py fcmae_convnextv2_a_rival_shapes
# LRN, BN, SE or CBAM:
#   --cfg-options model.backbone.grn_cfg.type=SE \
#     model.neck.block_cfg.grn_cfg.type=SE
_base_ = '../fcmae_convnextv2_a_shapes.py'

rival = dict(type='LN')
model = dict(
    backbone=dict(grn_cfg=rival), neck=dict(block_cfg=dict(grn_cfg=rival)))
