# ConvNeXt V2 nano, fine-tuned on ImageNet-1K at 224 px after ImageNet-22K, 90
# epochs, 8 GPUs x 16 images x 4 iterations per step (ConvNeXt V2, Table 13):
#   bash tools/dist_train.sh configs/convnextv2_n_ft_in22k_in1k.py 8
# Expected top-1: 82.1 (the authors' list of models). Not yet reproduced by us.
# Starts from a run of convnextv2_n_ft_in22k.py, to be done first, as its
# weights were never released. Decay: layer-wise (the paper's word).
_base_ = [
    './_base_/models/classifier_convnextv2_ft.py',
    './_base_/datasets/imagenet_224.py',
    './_base_/schedules/imagenet_ft_after_22k_90e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'work_dirs/convnextv2_n_ft_in22k/epoch_90.pth'

model = dict(
    backbone=dict(
        arch='nano', drop_path_rate=0.1, init_cfg=dict(checkpoint=checkpoint)),
    head=dict(in_channels=640))
train_dataloader = dict(batch_size=16)
