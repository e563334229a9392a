"""Parameters and multiply-adds of the model of a config.

Counted without values, on PyTorch's meta device, so that the largest model
takes seconds and no memory. Only products count (convolutions and matrix
products), which is what the papers' "FLOPs" come to within 0.2 %.
"""
import re
from collections import Counter
from functools import partial
from typing import Dict, NamedTuple, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmconvnextv2.models.backbones.convnextv2 import ConvNeXtV2


class Complexity(NamedTuple):
    """Size of a model, and cost of one image."""

    parameters: int  # those of auxiliary heads included
    multiply_adds: int  # of all products for one image
    # Of each part that is called, such as 'backbone' and 'roi_head.mask_head';
    # the stages of a cascade together.
    by_part: Dict[str, int]


def count_complexity(cfg: Config, size: Tuple[int, int]) -> Complexity:
    """Count parameters and multiply-adds of the model of a config.

    Two-stage detectors of mmdet are counted with as many proposals as the RPN
    keeps in testing and as many masks as there can be results
    (``model.test_cfg``): usually 1000 and 100. For the mask branch of a
    cascade that is what testing does and what the V1 paper counted; mmdet's
    ``get_flops.py`` counts it on all proposals instead. Other models are
    counted as their ``forward`` runs, so without auxiliary heads.

    Args:
        cfg (Config): A config of mmdet, mmseg or mmpretrain.
        size (tuple[int, int]): Height and width of the image in pixels.

    Examples:
        >>> from mmconvnextv2.config.find import find_config
        >>> cfg = Config.fromfile(find_config('maskrcnn_convnextv2_b_coco'))
        >>> count_complexity(cfg, (800, 1280)).multiply_adds / 1e9
        485.31...
    """
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        try:
            with torch.device('meta'):
                model = MODELS.build(cfg.model).eval()
        except RuntimeError:  # Reads values, as Swin does of its drop paths.
            model = MODELS.build(cfg.model).eval().to('meta')
    with torch.device('meta'):
        stems = [m.downsample_layers[0][0] for m in model.modules()
                 if isinstance(m, ConvNeXtV2)]
        image = torch.empty(1, stems[0].in_channels if stems else 3, *size)
    if hasattr(model, 'rpn_head'):
        model.forward = partial(_two_stage_forward, model)
    with torch.no_grad(), FlopCounterMode(
            display=False, depth=None) as counter:
        model(image)
    parts, parents = Counter(), (type(model).__name__, )
    for name, counts in sorted(counter.get_flop_counts().items()):
        root, _, part = name.partition('.')
        # Of nested modules, the outermost that is called in the model.
        if root == parents[0] and part and not name.startswith(
                tuple(f'{parent}.' for parent in parents[1:])):
            parents += (name, )
            # The counter has two operations for each multiply-add.
            parts[re.sub(r'\.\d+$', '', part)] += sum(counts.values()) // 2
    return Complexity(
        parameters=sum(p.numel() for p in model.parameters()),
        multiply_adds=counter.get_total_flops() // 2,
        by_part=dict(parts))


def _two_stage_forward(model: nn.Module, image: Tensor) -> None:
    """Run what has products in a detector; choosing the boxes has none."""
    feats = model.extract_feat(image)
    model.rpn_head(feats)
    for branch, number in (('bbox', model.test_cfg.rpn.max_per_img),
                           ('mask', model.test_cfg.rcnn.max_per_img)):
        heads, pools = (
            getattr(model.roi_head, f'{branch}_{part}', None) or []
            for part in ('head', 'roi_extractor'))
        if not isinstance(heads, (list, nn.ModuleList)):
            heads, pools = [heads], [pools]
        for head, pool in zip(heads, pools):
            side = pool.roi_layers[0].output_size
            head(feats[0].new_empty(number, pool.out_channels, *side))
