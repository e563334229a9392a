# ConvNeXt V2 huge, fine-tuned on ImageNet-1K at 224 px, sharded by FSDP:
#   bash tools/dist_train.sh configs/convnextv2_h_ft_fsdp_in1k.py 8
# The recipe and the steps are those of convnextv2_h_ft_in1k.py: 86.3 top-1
# (ConvNeXt V2, Table 14). Not yet reproduced by us.
_base_ = ['./convnextv2_h_ft_in1k.py', './_base_/strategies/fsdp.py']
