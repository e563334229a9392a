# ConvNeXt V2 huge, fine-tuned on ImageNet-22K, sharded by DeepSpeed:
#   bash tools/dist_train.sh configs/convnextv2_h_ft_deepspeed_in22k.py 8
# The recipe is that of convnextv2_h_ft_in22k.py, but for parameters in
# bfloat16. No result of it is published. Not yet run by us.
_base_ = [
    './convnextv2_h_ft_in22k.py', './_base_/strategies/deepspeed_zero2.py'
]

strategy = dict(
    gradient_accumulation_steps=_base_.optim_wrapper.accumulative_counts)
optim_wrapper = dict(
    _delete_=True,
    type='DeepSpeedOptimWrapper',
    constructor=_base_.optim_wrapper.constructor,
    optimizer=_base_.optim_wrapper.optimizer,
    paramwise_cfg=_base_.optim_wrapper.paramwise_cfg)
