# ConvNeXt V2 nano, fine-tuned on ImageNet-1K at 224 px, 600 epochs, 8 GPUs x
# 32 images x 4 iterations per step (ConvNeXt V2, Table 9):
#   bash tools/dist_train.sh configs/convnextv2_n_ft_in1k.py 8
# Expected top-1: 81.9 (ConvNeXt V2, Table 14). Not yet reproduced by us.
# Starts from the released FCMAE weights (1600 epochs), as in the paper. Decay:
# layer-wise (the paper's word).
_base_ = [
    './_base_/models/classifier_convnextv2_ft_small.py',
    './_base_/datasets/imagenet_224.py',
    './_base_/schedules/imagenet_ft_600e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-nano_3rdparty-fcmae_in1k_20230104-3dd1f29e.pth'  # noqa: E501

model = dict(
    backbone=dict(
        arch='nano', drop_path_rate=0.1, init_cfg=dict(checkpoint=checkpoint)),
    head=dict(in_channels=640),
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.5),
        dict(type='CutMix', alpha=0.5)
    ]))
