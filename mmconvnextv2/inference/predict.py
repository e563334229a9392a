"""Recognise a config's task and build the predictor for it."""
import copy
from typing import Any, Dict, Mapping, Type, Union

from mmengine.config import Config

from mmconvnextv2.config.find import find_config
from mmconvnextv2.config.walk import name_types, scope_of, type_name
from .predictors import (
    Classifier,
    Detector,
    MaskedAutoencoder,
    Predictor,
    Segmentor,
)

PREDICTORS: Dict[str, Type[Predictor]] = dict(
    detection=Detector,
    segmentation=Segmentor,
    classification=Classifier,
    reconstruction=MaskedAutoencoder)
_BY_TYPE = dict(FCMAE='reconstruction', ImageClassifier='classification')
_BY_SCOPE = dict(mmdet='detection', mmseg='segmentation')
# Toolboxes on mmdet, whose transforms its inferencer does not know.
_OTHERS = ('mmrotate', 'mmyolo', 'mmdet3d')


def recognise_task(cfg: Mapping) -> str:
    """Recognise a config's task by the model's type or ``default_scope``.

    Returns:
        str: A key of ``PREDICTORS``.

    Raises:
        ValueError: If it is none of these tasks.
    """
    kind = (cfg.get('model') or {}).get('type')
    default = cfg.get('default_scope')
    task = _BY_TYPE.get(type_name(kind)) or _BY_SCOPE.get(
        scope_of(kind) or default)
    if task is None or default in _OTHERS:
        raise ValueError(
            f'the task must be one of {", ".join(PREDICTORS)}, in mmdet, '
            f'mmseg or mmpretrain; a model of type {kind!r} with '
            f'default_scope {default!r} is of none of them '
            '(docs/toolboxes.md)')
    return task


def build_predictor(cfg: Union[Config, str], checkpoint: str,
                    **kwargs: Any) -> Predictor:
    """Build the predictor for a config's task.

    Args:
        cfg (Config | str): A config, its path, or the name of one of ours.
        checkpoint (str): See ``Predictor``, as for ``kwargs``.

    Raises:
        ValueError: If the task is not known, or the config does not say how
            images are prepared.
    """
    if isinstance(cfg, str):
        cfg = Config.fromfile(str(find_config(cfg)))
    cfg = copy.deepcopy(cfg)
    name_types(cfg)  # OpenMMLab's inferencers look for names.
    task = recognise_task(cfg)
    if task != 'reconstruction' and not cfg.get('test_dataloader'):
        raise ValueError('the config must have a test_dataloader, whose '
                         'pipeline prepares the images')
    return PREDICTORS[task](cfg, checkpoint, **kwargs)
