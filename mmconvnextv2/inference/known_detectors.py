"""Which two-stage detectors are exported: those known part by part."""
from typing import Any, List

from torch import nn

from .export_operators import METHODS

_ROI_LAYER = dict(aligned=True, pool_mode='avg')
# At each path the classes whose steps are known, and settings they must have.
_KNOWN = {
    '': (('MaskRCNN', 'FasterRCNN', 'CascadeRCNN'), {}),
    'rpn_head': (('RPNHead', ), dict(use_sigmoid_cls=True, num_classes=1)),
    'roi_head': (('StandardRoIHead', 'CascadeRoIHead'), {}),
    'roi_head.shared_head': ((), {}),
    'roi_head.bbox_roi_extractor': (('SingleRoIExtractor', ), {}),
    'roi_head.bbox_roi_extractor.roi_layers': (('RoIAlign', ), _ROI_LAYER),
    'roi_head.bbox_head': (
        ('BBoxHead', 'ConvFCBBoxHead', 'Shared2FCBBoxHead',
         'Shared4Conv1FCBBoxHead'),
        dict(custom_cls_channels=False, with_reg=True)),
    'roi_head.mask_roi_extractor': (('SingleRoIExtractor', ), {}),
    'roi_head.mask_roi_extractor.roi_layers': (('RoIAlign', ), _ROI_LAYER),
    'roi_head.mask_head': (('FCNMaskHead', ), {}),
}
_NMS_KEYS = {'type', 'iou_threshold', 'method', 'sigma', 'min_score'}


def parts_of(model: nn.Module, path: str) -> List[Any]:
    """Find the parts at a path, one for each stage of a cascade."""
    found = [model]
    for name in path.split('.') if path else ():
        found = [getattr(x, name, None) for x in found]
        found = [y for x in found if x is not None
                 for y in (x if isinstance(x, nn.ModuleList) else [x])]
    return found


def check(model: nn.Module) -> None:
    """Check that what the parts of a detector do is known.

    Raises:
        ValueError: If not; names the part.
    """
    heads = ', '.join(f'{x} ({type(y).__name__})' for x, y in
                      model.named_children() if x.endswith('_head'))
    refusal = (f'{type(model).__name__} with {heads} is not exported as a '
               'whole, --backbone exports its backbone: ')
    for path, (known, settings) in _KNOWN.items():
        for part in parts_of(model, path):
            if type(part).__name__ not in known:
                raise ValueError(
                    f'{refusal}{path or "it"} must be '
                    f'{" or ".join(known) or "None"}, got '
                    f'{type(part).__name__}')
            found = {key: getattr(part, key) for key in settings}
            if found != settings:
                raise ValueError(f'{refusal}{path} must have {settings}, got '
                                 f'{found}')
    for name in ('rpn_head', 'roi_head'):
        cfg = getattr(model, name).test_cfg
        nms = cfg.nms
        if (min(cfg.get('nms_pre', 1), cfg.max_per_img) < 1
                or not set(nms) <= _NMS_KEYS
                or nms['type'] not in ('nms', 'soft_nms')
                or nms.get('method', 'linear') not in METHODS):
            raise ValueError(
                f'{refusal}{name}.test_cfg must have nms_pre and max_per_img '
                'of 1 or more and nms, or soft_nms that is linear, got '
                f'{dict(cfg)}')
