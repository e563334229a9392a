# Counted in iterations; --tta averages the class probabilities of the views.
_base_ = './default_runtime.py'

default_scope = 'mmseg'
default_hooks = dict(
    logger=dict(log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=16000, save_best='mIoU'),
    visualization=dict(type='SegVisualizationHook'))
visualizer = dict(
    type='SegLocalVisualizer',
    vis_backends=_base_.vis_backends,
    name='visualizer')
log_processor = dict(by_epoch=False)
tta_model = dict(type='SegTTAModel')
# With --tta, over model.test_cfg. 'slide' takes windows.
tta_test_cfg = dict(mode='whole')
