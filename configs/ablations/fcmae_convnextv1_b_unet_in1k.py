# FCMAE, ConvNeXt (V1) base, ImageNet-1K, 800 epochs, with a UNet for a
# decoder, without skip connections:
#   bash tools/dist_train.sh fcmae_convnextv1_b_unet_in1k 8
# After fine-tuning (convnextv1_b_ft_in1k.py from its checkpoint): 83.5 % top-1
# (ConvNeXt V2, Table 1a). Not yet reproduced by us. Width and blocks of the
# decoder are inferred.
_base_ = '../fcmae_convnextv1_b_in1k.py'

model = dict(
    neck=dict(
        _delete_=True,
        type='mmconvnextv2.FCMAEUNetDecoder',
        in_channels=1024,
        decoder_channels=512,
        block_cfg=_base_.v1))
