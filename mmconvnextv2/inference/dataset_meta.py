"""Names and colours of classes."""
from typing import Any, Dict, Mapping, Sequence

import numpy as np
from mmengine.registry import DATASETS

_KEYS = ('classes', 'palette')


def dataset_meta(cfg: Mapping, meta: Mapping) -> Dict[str, Any]:
    """Find the classes that a model tells apart.

    What the checkpoint says goes before what the config says. OpenMMLab's
    inferencers would take COCO's or Cityscapes' for a checkpoint that says
    nothing, such as a converted one.

    Args:
        cfg (Mapping): The config.
        meta (Mapping): ``meta`` of the checkpoint.

    Returns:
        dict: ``classes``, a tuple, if they are known, and ``palette``, a list
        of RGB, with random colours if there are none.
    """
    told = {str(k).lower(): v for k, v in meta.items()}
    told = {
        str(k).lower(): v
        for k, v in (meta.get('dataset_meta') or told).items()
    }
    found = {**_of_config(cfg), **told}
    found = {k: found[k] for k in _KEYS if isinstance(found.get(k), Sequence)}
    if 'classes' in found:
        found['classes'] = _as_tuple(found['classes'])
        if len(found.get('palette', ())) < len(found['classes']):
            colours = np.random.default_rng(0).integers(
                256, size=(len(found['classes']), 3))
            found['palette'] = [tuple(x) for x in colours.tolist()]
    return found


def _as_tuple(classes: Any) -> tuple:
    return (classes, ) if isinstance(classes, str) else tuple(classes)


def _of_config(cfg: Mapping) -> Dict[str, Any]:
    """What the config's data set to test with declares."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    if 'type' not in dataset:
        return {}
    with DATASETS.switch_scope_and_registry(
            cfg.get('default_scope')) as registry:
        declared = getattr(registry.get(dataset['type']), 'METAINFO', {})
    return {**declared, **(dataset.get('metainfo') or {})}
