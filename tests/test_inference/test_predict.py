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


def test_other_toolboxes_predict_by_functions_of_their_own():
    cfg = dict(model=dict(type='mmdet.FasterRCNN'), default_scope='mmrotate')
    with pytest.raises(ValueError) as refusal:
        recognise_task(cfg)
    assert str(refusal.value) == (
        'the task must be one of detection, segmentation, classification, '
        'reconstruction, in mmdet, mmseg or mmpretrain; a model of type '
        "'mmdet.FasterRCNN' with default_scope 'mmrotate' is of none of them "
        '(docs/toolboxes.md)')
