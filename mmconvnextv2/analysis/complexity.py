"""Parameters and multiply-adds of the model of a config.

Counted without values, on PyTorch's meta device, so that the largest model
takes seconds and no memory. Only products count (convolutions and matrix
products), which is what the papers' "FLOPs" come to within 0.2 %.
"""
import re
from functools import partial
from typing import Dict, NamedTuple, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmconvnextv2.models.backbones.convnextv2 import ConvNeXtV2


class Complexity(NamedTuple):
    """How large a model is, and what one image costs.

    Attributes:
        parameters (int): All parameters, those of auxiliary heads included.
        multiply_adds (int): Of all products for one image.
        by_part (dict[str, int]): Multiply-adds of each part that is called,
            such as 'backbone' and 'roi_head.mask_head'; the stages of a
            cascade together.
    """

    parameters: int
    multiply_adds: int
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

    Returns:
        Complexity: The counts.

    Example:
        >>> from mmconvnextv2.config.find import find_config
        >>> cfg = Config.fromfile(find_config('maskrcnn_convnextv2_b_coco'))
        >>> count_complexity(cfg, (800, 1280)).multiply_adds / 1e9
        485.31...
    """
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')), \
            torch.device('meta'):
        model = MODELS.build(cfg.model).eval()
        image = torch.empty(1, _image_channels(model), *size)
    if hasattr(model, 'rpn_head'):
        model.forward = partial(_two_stage_forward, model)
    with torch.no_grad(), FlopCounterMode(
            display=False, depth=None) as counter:
        model(image)
    # The counter has two operations for each multiply-add.
    return Complexity(
        parameters=sum(p.numel() for p in model.parameters()),
        multiply_adds=counter.get_total_flops() // 2,
        by_part=_by_part(counter, type(model).__name__))


def _image_channels(model: nn.Module) -> int:
    stems = (m.downsample_layers[0][0] for m in model.modules()
             if isinstance(m, ConvNeXtV2))
    return next((stem.in_channels for stem in stems), 3)


def _two_stage_forward(model: nn.Module, image: Tensor) -> None:
    """What has products in a detector; which boxes there are has none."""
    feats = model.extract_feat(image)
    model.rpn_head(feats)
    branches = ((model.roi_head, 'bbox', model.test_cfg.rpn.max_per_img),
                (model.roi_head, 'mask', model.test_cfg.rcnn.max_per_img))
    for roi_head, branch, number in branches:
        heads = _as_list(getattr(roi_head, f'{branch}_head', []))
        pools = _as_list(getattr(roi_head, f'{branch}_roi_extractor', []))
        for head, pool in zip(heads, pools):
            side = pool.roi_layers[0].output_size
            head(feats[0].new_empty(number, pool.out_channels, *side))


def _as_list(module: nn.Module) -> list:
    is_list = isinstance(module, (list, nn.ModuleList))
    return list(module) if is_list else [module]


def _by_part(counter: FlopCounterMode, root: str) -> Dict[str, int]:
    """Counts of the outermost modules that were called in the model."""
    parts: Dict[str, int] = {}
    outermost: Dict[str, None] = {}
    for name, counts in sorted(counter.get_flop_counts().items()):
        inside = any(name.startswith(f'{outer}.') for outer in outermost)
        if inside or not name.startswith(f'{root}.'):
            continue
        outermost[name] = None
        part = re.sub(r'\.\d+$', '', name[len(root) + 1:])
        parts[part] = parts.get(part, 0) + sum(counts.values()) // 2
    return parts
