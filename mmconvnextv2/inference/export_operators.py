"""Operators of detectors that torch.export takes as they are.

mmcv's RoIAlign and NMS are no operators of PyTorch, and NMS returns as many
boxes as it finds. These have a schema, and outputs of fixed size. Importing
this module declares them, which a process needs before it loads a detector's
'.pt2' file. ``onnx_operators`` writes them in ONNX.
"""
from typing import Sequence, Tuple

import torch
from torch import Tensor, nn

EXCLUDED = -1.0  # score of a box that does not take part
METHODS = dict(nms=0, linear=1)  # plain NMS, and soft-NMS


@torch.library.custom_op('mmconvnextv2::roi_align', mutates_args=())
def roi_align(maps: Tensor, boxes: Tensor, size: Sequence[int], scale: float,
              sampling_ratio: int) -> Tensor:
    """Apply mmcv's RoIAlign ('avg', aligned) to boxes of the first image.

    Args:
        maps (Tensor): (1, C, H, W).
        boxes (Tensor): (N, 4), x1, y1, x2, y2 in pixels of the image.
        size (Sequence[int]): Height and width of the output.
        scale (float): Sites of the map per pixel.
        sampling_ratio (int): Samples a bin in each direction; 0 for as many
            as the box has sites a bin.

    Returns:
        Tensor: (N, C, *size).
    """
    from mmcv.ops import roi_align as of_mmcv
    rois = torch.nn.functional.pad(boxes, (1, 0))
    return of_mmcv(maps, rois, tuple(size), scale, sampling_ratio, 'avg', True)


@torch.library.custom_op('mmconvnextv2::best_boxes', mutates_args=())
def best_boxes(boxes: Tensor, scores: Tensor, score_thr: float, number: int,
               iou_threshold: float, method: int, sigma: float,
               min_score: float) -> Tuple[Tensor, Tensor]:
    """Apply mmcv's NMS or soft-NMS to each group of boxes; take the best.

    Args:
        boxes (Tensor): (G, N, 4), x1, y1, x2, y2.
        scores (Tensor): (G, N).
        score_thr (float): Boxes take part whose scores are above.
        number (int): M, of boxes to return.
        iou_threshold, sigma, min_score (float): See mmcv's ``soft_nms``.
        method (int): One of ``METHODS``.

    Returns:
        tuple[Tensor, Tensor]: Scores (M), falling, then ``EXCLUDED`` if there
        are fewer boxes; and indices (M) into the boxes of all groups.
    """
    from mmcv.ops import batched_nms
    settings = dict(type='nms', iou_threshold=iou_threshold)
    if method != METHODS['nms']:
        settings.update(type='soft_nms', sigma=sigma, min_score=min_score,
                        method=list(METHODS)[method])
    there = (scores > score_thr).flatten().nonzero()[:, 0]
    found = scores.new_full((number, ), EXCLUDED)
    indices = there.new_zeros(number)
    if len(there):
        kept, order = batched_nms(
            boxes.flatten(0, 1)[there], scores.flatten()[there],
            there // scores.shape[1], settings)
        order = order[:number]
        found[:len(order)] = kept[:number, 4]
        indices[:len(order)] = there[order]
    return found, indices


@roi_align.register_fake
def _(maps, boxes, size, scale, sampling_ratio):
    return maps.new_empty((boxes.shape[0], maps.shape[1], *size))


@best_boxes.register_fake
def _(boxes, scores, score_thr, number, *settings):
    return (scores.new_empty(number),
            scores.new_empty(number, dtype=torch.long))


def roi_features(extractor: nn.Module, maps: Sequence[Tensor],
                 boxes: Tensor) -> Tensor:
    """Take the features (N, C, h, w) of boxes, each from its level."""
    maps = maps[:extractor.num_inputs]
    rois = torch.nn.functional.pad(boxes, (1, 0))
    levels = extractor.map_roi_levels(rois, len(maps))
    features = 0
    for i, (x, layer) in enumerate(zip(maps, extractor.roi_layers)):
        # Boxes of no size cost nothing where their sites are counted.
        here = (levels == i)[:, None]
        found = roi_align(x, boxes * here, layer.output_size,
                          layer.spatial_scale, layer.sampling_ratio)
        features = features + torch.where(here[..., None, None], found, 0)
    return features
