# ConvNeXt (V1) base, pre-trained without GRN and fine-tuned with it:
#   bash tools/dist_train.sh convnextv1_b_grn_added_ft_in1k 8
# Expected top-1: 80.6 (ConvNeXt V2, Table 2f). Not yet reproduced by us.
# Starts from a run of fcmae_convnextv1_b_in1k.py, to be done first, to which
# GRN is added as the identity; the log names it. Inferred: LayerScale stays,
# as the weights are trained with it. Otherwise as convnextv1_b_ft_in1k.py.
# Decay: group-wise (the paper's word).
_base_ = '../convnextv1_b_ft_in1k.py'

model = dict(
    backbone=dict(
        use_grn=True,
        grn_cfg=dict(type='GRN'),
        init_cfg=dict(allow_partial=True)))
