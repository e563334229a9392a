# What every run shares: hooks, environment, logging, resuming.
custom_imports = dict(imports=['mmconvnextv2'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Whole files only; a full disk or a kill costs none.
    checkpoint=dict(
        type='mmconvnextv2.SafeCheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        save_best='auto'),
    # What is loaded must be of the config's model.
    checkpoint_fit=dict(type='mmconvnextv2.CheckpointFitHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # A loss that is not finite stops the run, or skips max_skips steps.
    non_finite=dict(type='mmconvnextv2.NonFiniteHook', max_skips=0),
    # Annotations, label maps and class folders must fit the run; what they
    # lack and what reading them drops is named. enabled=False: no check.
    data_check=dict(type='mmconvnextv2.DataCheckHook'),
    # Damaged files: training goes on without them and names them; an
    # evaluation stops.
    damaged_data=dict(type='mmconvnextv2.DamagedDataHook'),
    # Two images are tried before the first epoch.
    dry_run=dict(type='mmconvnextv2.DryRunHook'),
    # curves.png in the work dir: losses and metrics, renewed every minute.
    curves=dict(type='mmconvnextv2.CurveHook'),
    # One run at a time in a work dir.
    lock=dict(type='mmconvnextv2.WorkDirLockHook'),
    # A batch or a step that takes longer than this ends the run.
    stall=dict(type='mmconvnextv2.StallHook', seconds=600),
    # SIGTERM, SIGUSR1 and Ctrl-C: save, and exit with code 75.
    preemption=dict(type='mmconvnextv2.PreemptionHook'),
    # With enabled=True and a randomness.seed a resumed run repeats exactly.
    seeding=dict(type='mmconvnextv2.SeedHook', enabled=False),
    # Where a checkpoint and the config differ: whose settings count.
    resume=dict(type='mmconvnextv2.ResumeHook', settings='checkpoint'))
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
vis_backends = [dict(type='LocalVisBackend')]
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
# Otherwise all processes would draw the same masks, mix their images in the
# same ratios and leave out the same paths.
randomness = dict(seed=None, diff_rank_seed=True)
