# ConvNeXt V2 nano, fine-tuned on ImageNet-22K at 224 px, 90 epochs, 8 GPUs x
# 32 images x 16 iterations per step (ConvNeXt V2, Table 12):
#   bash tools/dist_train.sh configs/convnextv2_n_ft_in22k.py 8
# No result of it is published; convnextv2_n_ft_in22k_in1k.py goes on from its
# last checkpoint. Not yet run by us. Starts from the released FCMAE weights
# (1600 epochs on ImageNet-1K), as in the paper. Decay: layer-wise (the
# paper's word).
_base_ = [
    './_base_/models/classifier_convnextv2_ft_in22k.py',
    './_base_/datasets/imagenet_22k.py',
    './_base_/schedules/imagenet_22k_90e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-nano_3rdparty-fcmae_in1k_20230104-3dd1f29e.pth'  # noqa: E501

model = dict(
    backbone=dict(
        arch='nano', drop_path_rate=0., init_cfg=dict(checkpoint=checkpoint)),
    head=dict(in_channels=640))
optim_wrapper = dict(
    paramwise_cfg=dict(decay_rate=0.9, decay_type='layer_wise'))
