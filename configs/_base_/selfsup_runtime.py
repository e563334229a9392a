# Pre-training with FCMAE: no validation; pictures of reconstructions.
_base_ = './default_runtime.py'

default_scope = 'mmpretrain'
default_hooks = dict(checkpoint=dict(save_best=None))
custom_hooks = [dict(type='mmconvnextv2.ReconstructionHook', interval=20)]
visualizer = dict(
    type='Visualizer', vis_backends=_base_.vis_backends, name='visualizer')
