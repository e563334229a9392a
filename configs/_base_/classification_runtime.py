_base_ = './default_runtime.py'

default_scope = 'mmpretrain'
visualizer = dict(
    type='UniversalVisualizer',
    vis_backends=_base_.vis_backends,
    name='visualizer')

# Otherwise all processes would mix their images in the same ratios.
randomness = dict(seed=None, diff_rank_seed=True)
