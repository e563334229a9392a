# FCMAE on the first ConvNeXt: encoder and decoder of its blocks, with
# LayerScale and without GRN (ConvNeXt V2, Sections 3 and 4).
_base_ = './fcmae_convnextv2.py'

v1 = dict(use_grn=False, layer_scale_init_value=1e-6)
model = dict(backbone=v1, neck=dict(block_cfg=v1))
