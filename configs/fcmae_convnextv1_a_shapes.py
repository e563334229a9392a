# FCMAE, the first ConvNeXt's blocks (LayerScale, no GRN) at the size of atto,
# in encoder and decoder, on the shapes data set, minutes on two CPU cores:
#   python tools/train.py configs/fcmae_convnextv1_a_shapes.py
# demo/collapse_study.py compares it with fcmae_convnextv2_a_shapes.py.
_base_ = './fcmae_convnextv2_a_shapes.py'

v1 = dict(use_grn=False, layer_scale_init_value=1e-6)
model = dict(backbone=v1, neck=dict(block_cfg=v1))
