"""ONNX's form of the operators of detectors; importing it needs onnxscript."""
from typing import Any, Tuple

import torch
from onnxscript import FLOAT, INT64, script
from onnxscript import opset18 as op

from .export_operators import EXCLUDED, METHODS


def _roi_align(maps, boxes, size, scale, sampling_ratio) -> Any:
    first = op.Cast(op.ReduceMin(op.Mul(boxes, 0.), [1], keepdims=0), to=7)
    return op.RoiAlign(
        maps, boxes, first, output_height=size[0], output_width=size[1],
        sampling_ratio=sampling_ratio, spatial_scale=scale, mode='avg',
        coordinate_transformation_mode='half_pixel')


def _best_boxes(boxes, scores, score_thr, number, iou_threshold, method,
                sigma, min_score) -> Any:
    if method != METHODS['nms']:
        given = (score_thr, iou_threshold, min_score)
        return _soft_nms(boxes, scores, op.Constant(value_int=number),
                         op.Constant(value_floats=given))
    kept = op.NonMaxSuppression(
        boxes, op.Unsqueeze(scores, [1]), op.Constant(value_ints=[number]),
        op.Constant(value_floats=[iou_threshold]),
        op.Constant(value_floats=[score_thr]))  # rows of group, 0, box
    flat = op.Reshape(scores, [-1])
    size = op.Shape(scores, start=1)
    index = op.Add(op.Mul(op.Gather(kept, 0, axis=1), size),
                   op.Gather(kept, 2, axis=1))
    excluded = op.Expand(op.Constant(value_float=EXCLUDED), op.Shape(flat))
    kept = op.ScatterElements(excluded, index, op.Gather(flat, index))
    return op.TopK(kept, op.Constant(value_ints=[number]))


@script(default_opset=op)
def _soft_nms(boxes: FLOAT[...], scores: FLOAT[...], number: INT64,
              given: FLOAT[3]) -> Tuple[FLOAT[...], INT64[...]]:
    score_thr, limit, min_score = op.Split(given, num_outputs=3)
    one = op.Constant(value_ints=[1])
    excluded = op.Constant(value_floats=[-1.0])
    found = op.Expand(excluded, op.Reshape(number, one))
    index = op.Cast(found, to=7)
    left = op.Where(scores > score_thr, scores, excluded)
    size = op.Shape(scores, start=1)
    whole_row = op.Concat(one, size, axis=0)
    # As scores only fall, boxes are taken in the order of their last scores.
    for i in range(number):
        flat = op.Reshape(left, [-1])
        best = op.ArgMax(flat, axis=0, keepdims=1)
        at = op.Reshape(i, one)
        found = op.ScatterElements(found, at, op.Gather(flat, best))
        index = op.ScatterElements(index, at, best)
        # The others of its group decay by their IoU with it.
        group, place = best / size, op.Mod(best, size)
        others = op.Squeeze(op.Gather(boxes, group), [0])
        box = op.Gather(others, place)
        low = op.Max(op.Slice(others, [0], [2], [1]),
                     op.Slice(box, [0], [2], [1]))
        high = op.Min(op.Slice(others, [2], [4], [1]),
                      op.Slice(box, [2], [4], [1]))
        both = op.ReduceProd(op.Max(high - low, 0.0), [1], keepdims=0)
        areas = op.ReduceProd(
            op.Slice(others, [2], [4], [1]) - op.Slice(others, [0], [2], [1]),
            [1], keepdims=0)
        iou = both / (areas + op.Gather(areas, place) - both)
        row = op.Squeeze(op.Gather(left, group), [0])
        row = op.Where(iou >= limit, row * (1.0 - iou), row)
        row = op.Where(row < min_score, excluded, row)
        row = op.ScatterElements(row, place, excluded)
        left = op.ScatterElements(
            left, op.Expand(op.Unsqueeze(group, [1]), whole_row),
            op.Unsqueeze(row, [0]))
    return found, index


TRANSLATIONS = {
    torch.ops.mmconvnextv2.roi_align.default: _roi_align,
    torch.ops.mmconvnextv2.best_boxes.default: _best_boxes,
}
