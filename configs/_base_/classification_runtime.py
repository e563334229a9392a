_base_ = './default_runtime.py'

default_scope = 'mmpretrain'
visualizer = dict(
    type='UniversalVisualizer',
    vis_backends=_base_.vis_backends,
    name='visualizer')
