# ConvNeXt V2 tiny, from scratch on ImageNet-1K at 224 px, 300 epochs, 8 GPUs x
# 32 images x 16 iterations per step:
#   bash tools/dist_train.sh configs/convnextv2_t_supervised_in1k.py 8
# Expected top-1: 82.5 (ConvNeXt V2, Table 14, "Supervised"). Not yet
# reproduced by us. Inferred: the recipe of ConvNeXt-T (V1), the V2 paper gives
# none. No weights to start from, no layer decay.
_base_ = [
    './_base_/models/classifier_convnextv2_supervised.py',
    './_base_/datasets/imagenet_224.py',
    './_base_/schedules/imagenet_supervised_300e.py',
    './_base_/classification_runtime.py'
]

model = dict(
    backbone=dict(arch='tiny', drop_path_rate=0.1),
    head=dict(in_channels=768))
