# From ResNet-200 to ConvNeXt-B: step 16, downsampling layers: ConvNeXt;
# ImageNet-1K at 224 px, 300 epochs, 8 GPUs x 32 images x 16 iterations per
# step (ConvNeXt, Section 2):
#   bash tools/dist_train.sh roadmap_b_16_convnext_in1k 8
# Expected top-1: 83.60 (ConvNeXt, Table 11). Not yet reproduced by us.
# Inferred: LayerScale comes with it.
_base_ = './roadmap_b_15_ln_in1k.py'

model = dict(
    backbone=dict(
        separate_downsampling=True,
        layer_scale_init_value=1e-6))
