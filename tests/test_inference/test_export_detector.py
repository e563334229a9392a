"""Detectors as graphs give the boxes and masks that mmdet's predict gives."""
import pytest
import torch
from mmengine.config import Config
from run_exported import paste
from small_detector import build, small_detector

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.inference.export import Export

pytest.importorskip('mmdet')


@pytest.mark.parametrize('name, size, options', [
    # Fewer anchors and boxes than are asked for, small ones left out.
    ('maskrcnn', (32, 33), {
        'model.test_cfg.rcnn.nms': dict(type='nms', iou_threshold=0.5),
        'model.test_cfg.rcnn.max_per_img': 500,
        'model.test_cfg.rpn.min_bbox_size': 12,
        'model.test_cfg.rpn.max_per_img': 500}),
    ('cascade_maskrcnn', (70, 90), {}),
    ('cascade_maskrcnn', (64, 48), {
        'model.roi_head.mask_head.class_agnostic': True}),
])
@torch.no_grad()
def test_equals_predict(name, size, options):
    from mmdet.structures import DetDataSample

    from mmconvnextv2.inference.export_detector import DetectorGraph
    model = build(small_detector(name, **options))
    graph = DetectorGraph(model)
    images = torch.randn(1, 3, *size)
    boxes, scores, labels, masks = graph.reference(images)
    sample = DetDataSample(metainfo=dict(
        img_shape=size, ori_shape=size, scale_factor=(1., 1.)))
    found = model.predict(graph._pad(images), [sample])[0].pred_instances
    n = len(found)
    assert 5 < n == (scores > 0).sum()
    assert torch.equal(boxes[:n], found.bboxes)
    assert torch.equal(scores[:n], found.scores)
    assert torch.equal(labels[:n], found.labels) and labels[:n].max() > 0
    assert not boxes[n:].any()
    pasted = torch.stack([torch.from_numpy(paste(x, y, size) >= 0.5)
                          for x, y in zip(masks.numpy(), found.bboxes.tolist())
                          ])
    assert (pasted == found.masks).float().mean() > 0.9999


def test_differences_between_detections():
    from mmconvnextv2.inference.export_detector import DetectorGraph
    graph = DetectorGraph(build(small_detector()))
    boxes = torch.tensor([[0., 0, 10, 10], [20, 20, 40, 40], [0, 0, 0, 0]])
    scores = torch.tensor([0.9, 0.8, 0.])
    right = [boxes, scores, torch.tensor([1, 2, 0]), torch.ones(3, 4, 4)]

    def changed(i, value, at=slice(0, 2)):
        wrong = [x.clone() for x in right]
        wrong[i][at] = value
        return graph.difference(wrong, right)

    assert graph.difference(right, right) == 0
    assert graph.difference([x.flip(0) for x in right], right) == 0
    for wrong in (changed(0, boxes[:2] * 1.01), changed(1, scores[:2] - 0.01),
                  changed(2, 0), changed(3, 0.99),
                  # One alone of so few is not spared.
                  changed(1, 0.7, 1), changed(2, 0, 1)):
        assert wrong > graph.tolerance
    assert changed(1, 0., 1) == float('inf')


@pytest.mark.parametrize('options, message', [
    ({'model.roi_head.bbox_roi_extractor.roi_layer.aligned': False},
     r"roi_layers must have \{'aligned': True, 'pool_mode': 'avg'\}, got "
     r"\{'aligned': False, 'pool_mode': 'avg'\}"),
    ({'model.test_cfg.rcnn.nms.method': 'gaussian'}, 'that is linear, got'),
    ({'model.test_cfg.rcnn.max_per_img': -1}, 'max_per_img of 1 or more'),
    ({'model.roi_head.type': 'DoubleHeadRoIHead', 'model.roi_head.'
      'reg_roi_scale_factor': 1.3},
     r'MaskRCNN with rpn_head \(RPNHead\), roi_head \(DoubleHeadRoIHead\) is '
     'not exported as a whole, --backbone exports its backbone: roi_head must '
     'be StandardRoIHead or CascadeRoIHead, got DoubleHeadRoIHead'),
])
def test_refusals(options, message):
    from mmconvnextv2.inference.known_detectors import check
    model = build(small_detector(**options))
    with pytest.raises(ValueError, match=message):
        check(model)


@pytest.mark.slow
def test_a_detector_of_coco_is_exported_with_any_size(tmp_path):
    """Its pyramid ends below the backbone's last map."""
    pytest.importorskip('onnxscript')
    cfg = Config.fromfile(configs_folder() / 'maskrcnn_convnextv2_a_coco.py')
    # Random weights are sure of nothing.
    cfg.model.test_cfg.rcnn.score_thr = 1e-3
    export = Export(cfg, is_dynamic=True)
    export.write(tmp_path / 'model.onnx')
    differences = export.compare(tmp_path / 'model.onnx')
    assert len(differences) == 4 and max(differences.values()) < 1e-3
    scores = export.graph.reference(torch.randn(1, 3, 96, 160))[1]
    assert (scores > 0).all()
    with pytest.raises(ValueError, match='^shape must be at least 128 in'):
        Export(cfg, shape=(127, 128), is_dynamic=True)
