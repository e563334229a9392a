# FSDP: parameters, gradients and optimizer state are sharded over the
# processes; a block of the backbone is whole while it is computed.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='mmconvnextv2.ShardedStrategy',
    model_wrapper=dict(
        sharding_strategy='FULL_SHARD',
        auto_wrap_policy=dict(
            type='mmconvnextv2.wrap_modules',
            module_types=['mmconvnextv2.ConvNeXtV2Block'])))
