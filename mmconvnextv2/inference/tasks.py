"""What a config's model is for."""
from typing import Mapping

DETECTION = 'detection'
SEGMENTATION = 'segmentation'
CLASSIFICATION = 'classification'
RECONSTRUCTION = 'reconstruction'
TASKS = (DETECTION, SEGMENTATION, CLASSIFICATION, RECONSTRUCTION)

_BY_TYPE = dict(FCMAE=RECONSTRUCTION, ImageClassifier=CLASSIFICATION)
_BY_SCOPE = dict(mmdet=DETECTION, mmseg=SEGMENTATION)


def recognise_task(cfg: Mapping) -> str:
    """Tell a config's task by the model's type, or by ``default_scope``.

    Returns:
        str: One of ``TASKS``.

    Raises:
        ValueError: If it is of none of them.
    """
    model = cfg.get('model') or {}
    scope, _, name = str(model.get('type')).rpartition('.')
    scope = cfg.get('default_scope') if scope in ('', 'mmconvnextv2') \
        else scope
    task = _BY_TYPE.get(name) or _BY_SCOPE.get(scope)
    if task is None:
        raise ValueError(
            f'the task must be one of {", ".join(TASKS)}; a model of type '
            f'{model.get("type")!r} with default_scope '
            f'{cfg.get("default_scope")!r} is of none of them')
    return task
