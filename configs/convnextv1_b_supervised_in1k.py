# ConvNeXt (V1) base, from scratch on ImageNet-1K at 224 px, 300 epochs, 8 GPUs
# x 32 images x 16 iterations per step (ConvNeXt, Appendix A.1):
#   bash tools/dist_train.sh configs/convnextv1_b_supervised_in1k.py 8
# Expected top-1: 83.8 (ConvNeXt, Table 1). Not yet reproduced by us. No
# weights to start from, no layer decay.
_base_ = [
    './_base_/models/classifier_convnextv2_supervised.py',
    './_base_/datasets/imagenet_224.py',
    './_base_/schedules/imagenet_supervised_300e.py',
    './_base_/classification_runtime.py'
]

model = dict(
    backbone=dict(
        drop_path_rate=0.5, use_grn=False, layer_scale_init_value=1e-6))
