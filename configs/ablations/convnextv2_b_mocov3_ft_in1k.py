# ConvNeXt V2 base with MoCo V3, fine-tuned as convnextv2_b_ft_in1k.py:
#   bash tools/dist_train.sh convnextv2_b_mocov3_ft_in1k 8
# Expected top-1: 83.7 (ConvNeXt V2, appendix, contrastive learning). Not yet
# reproduced by us. Starts from a run of mocov3_convnextv2_b_in1k.py, to be
# done first. Decay: group-wise (the paper's word).
_base_ = '../convnextv2_b_ft_in1k.py'

checkpoint = 'work_dirs/mocov3_convnextv2_b_in1k/epoch_300.pth'
model = dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint)))
