# FCMAE, ConvNeXt (V1) base, ImageNet-1K, 800 epochs, with a transformer for a
# decoder:
#   bash tools/dist_train.sh fcmae_convnextv1_b_transformer_in1k 8
# After fine-tuning (convnextv1_b_ft_in1k.py from its checkpoint): 83.4 % top-1
# (ConvNeXt V2, Table 1a). Not yet reproduced by us. Its size is inferred:
# MAE's, 8 blocks of 512 channels and 16 heads.
_base_ = '../fcmae_convnextv1_b_in1k.py'

model = dict(
    neck=dict(
        _delete_=True,
        type='mmconvnextv2.FCMAETransformerDecoder',
        in_channels=1024))
