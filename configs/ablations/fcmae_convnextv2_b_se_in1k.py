# FCMAE, ConvNeXt V2 base, ImageNet-1K, 800 epochs, with squeeze and excitation
# in GRN's place:
#   bash tools/dist_train.sh fcmae_convnextv2_b_se_in1k 8
# After fine-tuning (convnextv2_b_se_ft_in1k.py): 84.4 % top-1, with GRN 84.6
# (ConvNeXt V2, Table 2e). Not yet reproduced by us. Inferred: the same in the
# decoder, and no LayerScale, as with GRN.
_base_ = '../fcmae_convnextv2_b_in1k.py'

rival = dict(type='SE')
model = dict(
    backbone=dict(grn_cfg=rival), neck=dict(block_cfg=dict(grn_cfg=rival)))
