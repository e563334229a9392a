# Isotropic ConvNeXt (V1) base, from scratch on ImageNet-1K at 224 px, 300
# epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt, Section 3.3):
#   bash tools/dist_train.sh configs/convnextv1_b_isotropic_in1k.py 8
# Expected top-1: 82.0 (ConvNeXt, Table 2). Not yet reproduced by us. 50 epochs
# of warm-up and no LayerScale, as in the V1 code.
_base_ = './convnextv1_s_isotropic_in1k.py'

model = dict(
    backbone=dict(arch=dict(channels=[768]), drop_path_rate=0.2),
    head=dict(in_channels=768))
