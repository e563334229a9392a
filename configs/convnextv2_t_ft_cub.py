# ConvNeXt V2 tiny, fine-tuned on CUB-200-2011 at 448 px, 50 epochs, 8 GPUs x 8
# images:
#   bash tools/dist_train.sh configs/convnextv2_t_ft_cub.py 8
# No figure of this protocol is published, and we have not run it. Values are
# ours, not tuned. Starts from weights fine-tuned on ImageNet-1K. Where to get
# the data: docs/which_recipe.md.
_base_ = [
    './_base_/models/classifier_convnextv2_ft.py',
    './_base_/datasets/cub_448.py', './_base_/schedules/cub_50e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-tiny_fcmae-pre_3rdparty_in1k_20230104-471a86de.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(num_classes=200),
    backbone=dict(
        arch='tiny', drop_path_rate=0.2, init_cfg=dict(checkpoint=checkpoint)),
    head=dict(num_classes=200, in_channels=768))
