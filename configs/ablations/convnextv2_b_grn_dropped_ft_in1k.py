# ConvNeXt V2 base, pre-trained with GRN and fine-tuned without it:
#   bash tools/dist_train.sh convnextv2_b_grn_dropped_ft_in1k 8
# Expected top-1: 78.8 (ConvNeXt V2, Table 2f). Not yet reproduced by us.
# Starts from a run of fcmae_convnextv2_b_in1k.py, to be done first, of which
# GRN's parameters are left out; the log names them. Otherwise as
# convnextv2_b_ft_in1k.py. Decay: group-wise (the paper's word).
_base_ = '../convnextv2_b_ft_in1k.py'

checkpoint = 'work_dirs/fcmae_convnextv2_b_in1k/epoch_800.pth'
model = dict(
    backbone=dict(
        use_grn=False,
        init_cfg=dict(checkpoint=checkpoint, allow_partial=True)))
