# UperNet, ConvNeXt V2-B without FCMAE, ADE20K at 512, 160K iterations, 8 GPUs
# x 2 images:
#   bash tools/dist_train.sh upernet_convnextv2_b_supervised_ade20k 8
# Expected mIoU with test.py --tta (whole images, 0.75 to 1.25, flip): 50.5
# (ConvNeXt V2, Table 7: supervised). Not yet reproduced by us. From weights
# supervised on ImageNet-1K, of a run of convnextv2_b_supervised_in1k.py, to be
# done first: none are released. Otherwise as upernet_convnextv2_b_ade20k.py.
# Decay: group-wise, the paper's for Base and Large.
_base_ = '../upernet_convnextv2_b_ade20k.py'

checkpoint = 'work_dirs/convnextv2_b_supervised_in1k/epoch_300.pth'
model = dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint)))
