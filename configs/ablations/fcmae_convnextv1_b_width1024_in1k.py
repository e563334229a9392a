# FCMAE, ConvNeXt (V1) base, ImageNet-1K, 800 epochs, with a decoder of 1024
# channels:
#   bash tools/dist_train.sh fcmae_convnextv1_b_width1024_in1k 8
# After fine-tuning (convnextv1_b_ft_in1k.py from its checkpoint): 83.5 % top-1
# (ConvNeXt V2, Table 1c). Not yet reproduced by us.
_base_ = '../fcmae_convnextv1_b_in1k.py'

model = dict(neck=dict(decoder_channels=1024))
