"""Sizes and costs of models as the papers print them.

ConvNeXt V2 (arXiv 2301.00808), Tables 6, 7 and 14 and Section 5; the Cascade
rows from ConvNeXt (arXiv 2201.03545), Table 3. What the papers call FLOPs are
multiply-adds.
"""
from typing import List, NamedTuple, Optional, Tuple


class Published(NamedTuple):
    """A row: the config of the model, image size, and the printed figures.

    Attributes:
        config (str): Name of our config.
        size (tuple[int, int]): Height and width of the image in pixels.
        parameters (float, optional): In millions.
        multiply_adds (float): In billions, for one image.
    """

    config: str
    size: Tuple[int, int]
    parameters: Optional[float]
    multiply_adds: float


# Parameters, and multiply-adds at 224, 384 and 512 px.
_CLASSIFIERS = {
    'a': (3.7, 0.55, None, None),
    'f': (5.2, 0.78, None, None),
    'p': (9.1, 1.37, None, None),
    'n': (15.6, 2.45, 7.21, None),
    't': (28.6, 4.47, 13.1, None),
    'b': (89., 15.4, 45.2, None),
    'l': (198., 34.4, 101.1, None),
    'h': (660., 115., 337.9, 600.8),
}
_DETECTORS = {
    'maskrcnn_convnextv2_b_coco': 486.,
    'maskrcnn_convnextv2_l_coco': 875.,
    'maskrcnn_convnextv2_h_coco': 2525.,
    'cascade_maskrcnn_convnextv1_t_coco': 741.,
    'cascade_maskrcnn_convnextv1_b_coco': 964.,
    'cascade_maskrcnn_convnextv1_l_coco': 1354.,
}
_SEGMENTORS = {
    'upernet_convnextv2_b_ade20k': (512, 122., 1170.),
    'upernet_convnextv2_l_ade20k': (512, 235., 1573.),
    'upernet_convnextv2_h_ade20k': (512, 707., 3272.),
    'upernet_convnextv2_h_640_ade20k': (640, 707., 5113.),
}


def published() -> List[Published]:
    """All rows: classifiers by image size, detectors, segmentors."""
    rows = [
        Published(_classifier(size, side), (side, side), figures[0], cost)
        for i, side in enumerate((224, 384, 512), 1)
        for size, figures in _CLASSIFIERS.items()
        if (cost := figures[i]) is not None
    ]
    rows += [
        Published(name, (800, 1280), None, cost)
        for name, cost in _DETECTORS.items()
    ]
    rows += [
        Published(name, (side, 4 * side), *figures)
        for name, (side, *figures) in _SEGMENTORS.items()
    ]
    return rows


def _classifier(size: str, side: int) -> str:
    if side == 224:
        return f'convnextv2_{size}_ft_in1k'
    return f'convnextv2_{size}_ft_in22k_in1k_{side}'
