# FCMAE, ConvNeXt (V1) base, ImageNet-1K, 800 epochs, the leaky control: masked
# pixels are black, and inside the encoder their sites take part:
#   bash tools/dist_train.sh fcmae_convnextv1_b_leaky_in1k 8
# After fine-tuning (convnextv1_b_ft_in1k.py from its checkpoint): 79.3 % top-1
# (ConvNeXt V2, Section 3.1). Not yet reproduced by us. The paper does not say
# what stood in masked places; learned tokens:
# fcmae_convnextv1_b_leaky_token_in1k.py.
_base_ = '../fcmae_convnextv1_b_in1k.py'

model = dict(backbone=dict(masked_impl='leaky'))
