# DeepSpeed, ZeRO stage 2: gradients and optimizer state are sharded over the
# processes, each of which has all parameters. In bfloat16, with float32 in
# the optimizer. Needs `pip install "deepspeed<=0.19.0"`. What is accumulated
# and clipped stands in the strategy, and not in optim_wrapper.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='DeepSpeedStrategy',
    zero_optimization=dict(
        stage=2, overlap_comm=True, contiguous_gradients=True),
    bf16=dict(enabled=True),
    inputs_to_half=['inputs'])
