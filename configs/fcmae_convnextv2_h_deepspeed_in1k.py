# FCMAE, ConvNeXt V2 huge, ImageNet-1K, 1600 epochs, sharded by DeepSpeed:
#   bash tools/dist_train.sh configs/fcmae_convnextv2_h_deepspeed_in1k.py 8
# The recipe is that of fcmae_convnextv2_h_1600e_in1k.py, but for parameters
# in bfloat16; after fine-tuning at 224 px 86.3 % top-1 (ConvNeXt V2, Section
# 5). Not yet reproduced by us.
_base_ = [
    './fcmae_convnextv2_h_1600e_in1k.py',
    './_base_/strategies/deepspeed_zero2.py'
]

strategy = dict(
    gradient_accumulation_steps=_base_.optim_wrapper.accumulative_counts,
    gradient_clipping=_base_.optim_wrapper.clip_grad.max_norm)
optim_wrapper = dict(
    _delete_=True,
    type='DeepSpeedOptimWrapper',
    optimizer=_base_.optim_wrapper.optimizer,
    paramwise_cfg=_base_.optim_wrapper.paramwise_cfg)
