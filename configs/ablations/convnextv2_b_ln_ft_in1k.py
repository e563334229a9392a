# ConvNeXt V2 base with layer normalisation in GRN's place, fine-tuned as
# convnextv2_b_ft_in1k.py:
#   bash tools/dist_train.sh convnextv2_b_ln_ft_in1k 8
# Expected top-1: 83.8 (ConvNeXt V2, Table 2d). Not yet reproduced by us.
# Starts from a run of fcmae_convnextv2_b_ln_in1k.py, to be done first. Decay:
# group-wise (the paper's word).
_base_ = '../convnextv2_b_ft_in1k.py'

checkpoint = 'work_dirs/fcmae_convnextv2_b_ln_in1k/epoch_800.pth'
model = dict(
    backbone=dict(
        grn_cfg=dict(type='LN'),
        init_cfg=dict(checkpoint=checkpoint)))
