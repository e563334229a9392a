# FCMAE, ConvNeXt V2 huge, ImageNet-1K, 1600 epochs, sharded by FSDP:
#   bash tools/dist_train.sh configs/fcmae_convnextv2_h_fsdp_in1k.py 8
# The recipe and the steps are those of fcmae_convnextv2_h_1600e_in1k.py; after
# fine-tuning at 224 px 86.3 % top-1 (ConvNeXt V2, Section 5). Not yet
# reproduced by us.
_base_ = [
    './fcmae_convnextv2_h_1600e_in1k.py', './_base_/strategies/fsdp.py'
]
