# FSDP: parameters, gradients and optimizer state are sharded over the
# processes; a block of the backbone is whole while it is computed.
runner_type = 'mmconvnextv2.ShardedRunner'
strategy = dict(
    type='mmconvnextv2.ShardedStrategy',
    units=['mmconvnextv2.ConvNeXtV2Block'])
