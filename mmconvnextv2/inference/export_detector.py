"""Two-stage detectors of mmdet as graphs of fixed-size tensors.

mmdet's own steps between the network's layers pick as many boxes as they find,
which an export cannot. Here they keep all boxes, with a score that excludes
those that mmdet drops, and call mmdet for the rest.
"""
from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .export_graphs import Graph
from .export_operators import EXCLUDED, METHODS, best_boxes, roi_features
from .known_detectors import check, parts_of

# Rounding may swap boxes of nearly equal scores, and NMS then keeps others.
_SPARED = 0.02  # of the detections need not be found again


class DetectorGraph(Graph):
    """A two-stage detector: (M, 4) boxes, (M) scores, (M) labels, masks.

    M is the most detections that the config allows; the last ones have score
    0 if there are fewer. Boxes are x1, y1, x2, y2 in pixels of the input,
    whose size may be any: it is padded within. Masks are (M, h, w), the share
    of each bin of the box, for a model that has them.

    Raises:
        ValueError: If what a part does is not known here.
    """

    batch = 1
    tolerance = 1e-3

    def __init__(self, model: nn.Module) -> None:
        check(model)
        outputs = ('boxes', 'scores', 'labels', 'masks')
        super().__init__(model, outputs[:4 if model.roi_head.with_mask else 3])
        self.stride = max(
            map(max, model.rpn_head.prior_generator.strides))
        cfg = model.roi_head.test_cfg
        self.settings = dict(score_thr=cfg.score_thr, nms=dict(cfg.nms),
                             mask_thr=cfg.get('mask_thr_binary'))

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """Detect objects in one image (1, C, H, W)."""
        size = images.shape[-2:]
        maps = self.model.extract_feat(self._pad(images))
        proposals, is_real = self._propose(maps, size)
        boxes, scores = self._classify(maps, proposals, size)
        scores = torch.where(is_real, scores, EXCLUDED)
        cfg = self.model.roi_head.test_cfg
        best, index = _select(boxes, scores, cfg.nms, cfg.score_thr,
                              cfg.max_per_img)
        boxes = boxes.flatten(0, 1)[index] * (best > 0)[:, None]
        labels = index // scores.shape[1]
        found = (boxes, best.clamp(min=0), labels)
        if self.model.roi_head.with_mask:
            found += (self._masks(maps, boxes, labels), )
        return found

    def _pad(self, images: Tensor) -> Tensor:
        given = self.model.data_preprocessor
        below, right = (-x % given.pad_size_divisor for x in images.shape[-2:])
        return F.pad(images, (0, right, 0, below), value=given.pad_value)

    def _propose(self, maps: Sequence[Tensor],
                 size: Sequence[int]) -> Tuple[Tensor, Tensor]:
        """Return proposals (N, 4), and which of them are real (N)."""
        head = self.model.rpn_head
        cfg = head.test_cfg
        priors = head.prior_generator.grid_priors(
            [x.shape[-2:] for x in maps], device=maps[0].device)
        levels = [_best_of_level(*x, cfg.nms_pre)
                  for x in zip(*head(maps), priors)]
        scores, deltas, priors = map(torch.stack, zip(*levels))
        boxes = head.bbox_coder.decode(
            priors.flatten(0, 1), deltas.flatten(0, 1), max_shape=size)
        boxes = boxes.view(*scores.shape, 4)
        if cfg.get('min_bbox_size', -1) >= 0:
            sides = boxes[..., 2:] - boxes[..., :2]
            scores = torch.where(
                (sides > cfg.min_bbox_size).all(-1), scores, EXCLUDED)
        best, index = _select(boxes, scores, cfg.nms, EXCLUDED / 2,
                              cfg.max_per_img)
        return boxes.flatten(0, 1)[index], best > EXCLUDED

    def _classify(self, maps: Sequence[Tensor], rois: Tensor,
                  size: Sequence[int]) -> Tuple[Tensor, Tensor]:
        """Return boxes (classes, N, 4) and scores (classes, N)."""
        logits = 0
        heads = parts_of(self.model, 'roi_head.bbox_head')
        extractors = parts_of(self.model, 'roi_head.bbox_roi_extractor')
        for i, (extractor, head) in enumerate(zip(extractors, heads)):
            found, deltas = head(roi_features(extractor, maps, rois))
            logits = logits + found
            if i + 1 < len(heads):
                rois = head.regress_by_class(rois, found[:, :-1].argmax(1),
                                             deltas, dict(img_shape=size))
        kinds = 1 if head.reg_class_agnostic else head.num_classes
        boxes = head.bbox_coder.decode(
            rois.repeat_interleave(kinds, 0), deltas.view(-1, 4),
            max_shape=size)
        boxes = boxes.view(-1, kinds, 4).expand(-1, head.num_classes, 4)
        scores = (logits / len(heads)).softmax(-1)[:, :-1]
        return boxes.transpose(0, 1), scores.T

    def _masks(self, maps: Sequence[Tensor], boxes: Tensor,
               labels: Tensor) -> Tensor:
        extractors = parts_of(self.model, 'roi_head.mask_roi_extractor')
        heads = parts_of(self.model, 'roi_head.mask_head')
        masks = sum(head(roi_features(extractor, maps, boxes)).sigmoid()
                    for extractor, head in zip(extractors, heads))
        if heads[0].class_agnostic:
            labels = torch.zeros_like(labels)
        return (masks / len(heads))[torch.arange(len(labels)), labels]

    def reference(self, images: Tensor) -> Sequence[Tensor]:
        """Compute the outputs, and compare the boxes with mmdet's.

        Raises:
            ValueError: If they differ.
        """
        from mmdet.structures import DetDataSample
        size = tuple(images.shape[-2:])
        sample = DetDataSample(metainfo=dict(
            img_shape=size, ori_shape=size, scale_factor=(1., 1.)))
        own = self.model.predict(self._pad(images), [sample])[0].pred_instances
        found = self(images)
        number = int((found[1] > 0).sum())
        for x, y in zip(found, (own.bboxes, own.scores, own.labels)):
            if len(y) != number or not torch.allclose(
                    x[:number], y, rtol=0, atol=1e-3):
                raise ValueError(
                    f'the {number} boxes found for an image are not the '
                    f'{len(own)} of {type(self.model).__name__}.predict')
        return list(found)

    def difference(self, found: Sequence[Tensor],
                   expected: Sequence[Tensor]) -> float:
        """Match the detections of a file with those of ``reference``.

        Returns:
            float: The largest of 1 - IoU and of the differences of scores and
            masks, but for 2 % of the detections, rounded; 1 for a missing
            one.
        """
        from mmdet.structures.bbox import bbox_overlaps
        if [x.shape for x in found] != [x.shape for x in expected]:
            return float('inf')
        found, expected = ([y[x[1] > 0] for y in x]
                           for x in (found, expected))
        spared = round(_SPARED * len(expected[1]))
        if abs(len(found[1]) - len(expected[1])) > spared:
            return float('inf')
        if not len(expected[1]):
            return 0.
        errors = 1 - bbox_overlaps(expected[0], found[0])
        errors = errors.max((expected[1][:, None] - found[1]).abs())
        errors[expected[2][:, None] != found[2]] = 1
        errors, match = errors.min(1)
        for masks, others in zip(expected[3:], found[3:]):
            apart = (masks - others[match]).abs().flatten(1).amax(1)
            errors = errors.max(apart)
        return errors.sort().values[-1 - spared].item()


def _best_of_level(logits: Tensor, deltas: Tensor, priors: Tensor,
                   number: int) -> Tuple[Tensor, ...]:
    """Take the scores, deltas and priors with the highest scores.

    Filled up with excluded ones if there are fewer.
    """
    scores = logits[0].permute(1, 2, 0).flatten().sigmoid()
    deltas = deltas[0].permute(1, 2, 0).reshape(-1, 4)
    scores, index = F.pad(scores, (0, number), value=EXCLUDED).topk(number)
    return (scores, *(F.pad(x, (0, 0, 0, number))[index]
                      for x in (deltas, priors)))


def _select(boxes: Tensor, scores: Tensor, nms: dict, score_thr: float,
            number: int) -> Tuple[Tensor, Tensor]:
    """Call ``best_boxes`` as a config says."""
    method = nms['type']
    if method == 'soft_nms':
        method = nms.get('method', 'linear')
    return best_boxes(
        boxes, scores, score_thr, min(number, scores.numel()),
        nms['iou_threshold'], METHODS[method], nms.get('sigma', 0.5),
        nms.get('min_score', 1e-3))
