# From ResNet-50 to ConvNeXt-T: step 7, the depthwise convolution moved up;
# ImageNet-1K at 224 px, 300 epochs, 8 GPUs x 32 images x 16 iterations per
# step (ConvNeXt, Section 2):
#   bash tools/dist_train.sh roadmap_t_07_conv_first_in1k 8
# Expected top-1: 79.92 (ConvNeXt, Table 10). Not yet reproduced by us.
_base_ = './roadmap_t_06_inverted_in1k.py'

model = dict(backbone=dict(conv_first=True))
