# FCMAE, ConvNeXt V2 atto, ImageNet-1K, 1600 epochs, as the released weights:
#   bash tools/dist_train.sh configs/fcmae_convnextv2_a_1600e_in1k.py 8
# After fine-tuning at 224 px: 76.7 % top-1 (ConvNeXt V2, Section 5). Not yet
# reproduced by us.
_base_ = './fcmae_convnextv2_a_in1k.py'

max_epochs = 1600
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [_base_.warmup, dict(_base_.cosine, end=max_epochs)]
