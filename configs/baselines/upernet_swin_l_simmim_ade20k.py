# UperNet, Swin-L with SimMIM, ADE20K at 512, 160K iterations, 8 GPUs x 2
# images:
#   bash tools/dist_train.sh upernet_swin_l_simmim_ade20k 8
# Expected mIoU with test.py --tta (whole images, 0.75 to 1.25, flip): 53.5
# (ConvNeXt V2, Table 7). Not yet reproduced by us. As
# upernet_swin_b_simmim_ade20k.py, from weights fine-tuned with windows of 14,
# whose biases are scaled to 7. Decay: layer-wise.
_base_ = './upernet_swin_b_simmim_ade20k.py'

checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/simmim/simmim_swin-large_16xb128-amp-coslr-800e_in1k-192/swin-large_ft-8xb256-coslr-ws14-100e_in1k-224/swin-large_ft-8xb256-coslr-ws14-100e_in1k-224_20220916-d4865790.pth'  # noqa: E501
model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint=checkpoint)),
    decode_head=dict(in_channels=[192, 384, 768, 1536]),
    auxiliary_head=dict(in_channels=768))
