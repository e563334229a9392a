# ConvNeXt V2 huge, fine-tuned on ImageNet-22K at 224 px, 90 epochs, 8 GPUs x
# 32 images x 16 iterations per step (ConvNeXt V2, Table 12):
#   bash tools/dist_train.sh configs/convnextv2_h_ft_in22k.py 8
# No result of it is published; convnextv2_h_ft_in22k_in1k_384.py goes on from
# its last checkpoint. Not yet run by us. Starts from the released FCMAE
# weights (1600 epochs on ImageNet-1K), as in the paper, whose Section 5 speaks
# of 384x384 images in this path, for both data sets, where the table has none.
# Decay: layer-wise, the paper's for all but Base and Large. Their rule:
#   --cfg-options optim_wrapper.paramwise_cfg.decay_type=group_wise
_base_ = [
    './_base_/models/classifier_convnextv2_ft_in22k.py',
    './_base_/datasets/imagenet_22k.py',
    './_base_/schedules/imagenet_22k_90e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-huge_3rdparty-fcmae_in1k_20230104-fe43ae6c.pth'  # noqa: E501

model = dict(
    backbone=dict(
        arch='huge', drop_path_rate=0.3, init_cfg=dict(checkpoint=checkpoint)),
    head=dict(in_channels=2816))
optim_wrapper = dict(paramwise_cfg=dict(decay_type='layer_wise'))
