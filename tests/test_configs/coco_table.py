"""The COCO recipes, typed from their sources and not from the configs.

ConvNeXt V2, Section 5 and Table 6; the configs of the V1 code; what is said
to be inferred in a config's first comment.
"""
_V1 = 'convnext/convnext-'
_V1_DOWNSTREAM = 'convnext/downstream/convnext-'
_V2 = 'convnext-v2/convnext-v2-'
_NO_EMA = '3rdparty_32xb128-noema_in1k'
_FINE_TUNED = 'fcmae-pre_3rdparty_in1k'
# arch, drop path, decay rate, lr, batch, training pipeline, NMS of the boxes,
# precision, and what the name of the weights begins with.
COLUMNS = ('arch', 'drop_path', 'decay', 'lr', 'batch', 'pipeline', 'nms',
            'wrapper', 'weights')
_SMALL = (0.95, 1e-4, 16, 'multiscale', 'soft_nms', 'AmpOptimWrapper')
_PAPER = (0.95, 1e-4, 32, 'jitter', 'soft_nms', 'AmpOptimWrapper')
_CASCADE = (0.7, 2e-4, 16, 'multiscale', 'soft_nms', 'AmpOptimWrapper')
_CASCADE_B = (0.8, 2e-4, 16, 'multiscale', 'soft_nms', 'AmpOptimWrapper')
_CASCADE_22K = (0.7, 1e-4, 16, 'multiscale', 'soft_nms', 'OptimWrapper')


def _plain_nms(values):
    return (*values[:4], 'nms', values[5])


TABLE = {
    'maskrcnn_convnextv2_a':
    ('atto', 0.1, *_SMALL, f'{_V2}atto_{_FINE_TUNED}'),
    'maskrcnn_convnextv2_f':
    ('femto', 0.1, *_SMALL, f'{_V2}femto_{_FINE_TUNED}'),
    'maskrcnn_convnextv2_p':
    ('pico', 0.2, *_SMALL, f'{_V2}pico_{_FINE_TUNED}'),
    'maskrcnn_convnextv2_n':
    ('nano', 0.2, *_SMALL, f'{_V2}nano_{_FINE_TUNED}'),
    'maskrcnn_convnextv2_t':
    ('tiny', 0.4, *_SMALL, f'{_V2}tiny_{_FINE_TUNED}'),
    'maskrcnn_convnextv2_b':
    ('base', 0.4, *_PAPER, f'{_V2}base_3rdparty-fcmae_in1k'),
    'maskrcnn_convnextv2_l':
    ('large', 0.5, *_PAPER, f'{_V2}large_3rdparty-fcmae_in1k'),
    'maskrcnn_convnextv2_h':
    ('huge', 0.5, *_PAPER, f'{_V2}huge_3rdparty-fcmae_in1k'),
    'maskrcnn_convnextv1_t':
    ('tiny', 0.4, *_plain_nms(_SMALL), f'{_V1_DOWNSTREAM}tiny_{_NO_EMA}'),
    'maskrcnn_convnextv1_b': ('base', 0.4, *_PAPER, f'{_V1}base_{_NO_EMA}'),
    'maskrcnn_convnextv1_l':
    ('large', 0.5, *_PAPER, f'{_V1}large_3rdparty_64xb64_in1k'),
    'cascade_maskrcnn_convnextv2_a':
    ('atto', 0.1, *_CASCADE, f'{_V2}atto_{_FINE_TUNED}'),
    'cascade_maskrcnn_convnextv2_f':
    ('femto', 0.1, *_CASCADE, f'{_V2}femto_{_FINE_TUNED}'),
    'cascade_maskrcnn_convnextv2_p':
    ('pico', 0.2, *_CASCADE, f'{_V2}pico_{_FINE_TUNED}'),
    'cascade_maskrcnn_convnextv2_n':
    ('nano', 0.2, *_CASCADE, f'{_V2}nano_{_FINE_TUNED}'),
    'cascade_maskrcnn_convnextv2_t':
    ('tiny', 0.4, *_CASCADE, f'{_V2}tiny_{_FINE_TUNED}'),
    'cascade_maskrcnn_convnextv2_b':
    ('base', 0.7, *_CASCADE_B, f'{_V2}base_{_FINE_TUNED}'),
    'cascade_maskrcnn_convnextv2_l':
    ('large', 0.7, *_CASCADE_22K,
     f'{_V2}large_fcmae-in21k-pre_3rdparty_in1k_'),
    'cascade_maskrcnn_convnextv2_h':
    ('huge', 0.8, *_CASCADE_22K,
     f'{_V2}huge_fcmae-in21k-pre_3rdparty_in1k-512px_'),
    'cascade_maskrcnn_convnextv1_t':
    ('tiny', 0.4, *_plain_nms(_CASCADE), f'{_V1_DOWNSTREAM}tiny_{_NO_EMA}'),
    'cascade_maskrcnn_convnextv1_s':
    ('small', 0.6, *_plain_nms(_CASCADE), f'{_V1_DOWNSTREAM}small_{_NO_EMA}'),
    'cascade_maskrcnn_convnextv1_b':
    ('base', 0.7, *_plain_nms(_CASCADE_B), f'{_V1}base_{_NO_EMA}'),
    'cascade_maskrcnn_convnextv1_b_22k':
    ('base', 0.6, 0.8, 1e-4, 16, 'multiscale', 'nms', 'AmpOptimWrapper',
     f'{_V1}base_3rdparty_in21k'),
    'cascade_maskrcnn_convnextv1_l':
    ('large', 0.7, *_plain_nms(_CASCADE_22K), f'{_V1}large_3rdparty_in21k'),
    'cascade_maskrcnn_convnextv1_xl':
    ('xlarge', 0.8, *_plain_nms(_CASCADE_22K), f'{_V1}xlarge_3rdparty_in21k'),
}
# No paper gives a result.
UNPUBLISHED = [
    *(f'maskrcnn_convnextv2_{x}' for x in 'afpnt'),
    *(f'cascade_maskrcnn_convnextv2_{x}' for x in 'afpntblh'),
]
