# ConvNeXt V2 huge, fine-tuned on ImageNet-1K at 224 px, 50 epochs, 8 GPUs x 32
# images x 4 iterations per step (ConvNeXt V2, Table 11):
#   bash tools/dist_train.sh configs/convnextv2_h_ft_in1k.py 8
# Expected top-1: 86.3 (ConvNeXt V2, Table 14). Not yet reproduced by us.
# Starts from the released FCMAE weights (1600 epochs), as in the paper. Decay:
# layer-wise, the paper's for all but Base and Large. Their rule:
#   --cfg-options optim_wrapper.paramwise_cfg.decay_type=group_wise
_base_ = [
    './_base_/models/classifier_convnextv2_ft_mixup.py',
    './_base_/datasets/imagenet_224.py',
    './_base_/schedules/imagenet_ft_50e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-huge_3rdparty-fcmae_in1k_20230104-fe43ae6c.pth'  # noqa: E501

model = dict(
    backbone=dict(
        arch='huge', drop_path_rate=0.3, init_cfg=dict(checkpoint=checkpoint)),
    head=dict(in_channels=2816))
