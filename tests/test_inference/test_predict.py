import pytest

from mmconvnextv2.inference.predict import recognise_task


@pytest.mark.parametrize('model, scope, expected', [
    ('MaskRCNN', 'mmdet', 'detection'),
    ('mmdet.CascadeRCNN', 'mmpretrain', 'detection'),
    ('EncoderDecoder', 'mmseg', 'segmentation'),
    ('ImageClassifier', 'mmpretrain', 'classification'),
    ('mmpretrain.ImageClassifier', 'mmdet', 'classification'),
    ('mmconvnextv2.FCMAE', 'mmpretrain', 'reconstruction'),
])
def test_by_type_or_scope(model, scope, expected):
    cfg = dict(model=dict(type=model), default_scope=scope)
    assert recognise_task(cfg) == expected
