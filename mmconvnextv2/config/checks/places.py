"""Which parts of a config MMEngine builds, and from which registry."""
from typing import Any, Iterator, Mapping, NamedTuple, Sequence, Tuple

from mmengine import registry
from mmengine.registry import Registry

from .mistakes import joined, nodes
from .values import loop_is_standard, values_at


class Place(NamedTuple):
    """A part of a config that is built.

    Attributes:
        path (str): Where it is.
        node (Mapping): The part, with the key type.
        registry (Registry): What its type is looked up in.
        added (tuple[str]): Arguments that MMEngine adds.
        taken (tuple[str]): Keys that MMEngine takes out for itself.
        is_whole (bool): Whether all other keys are arguments of the type.
    """

    path: str
    node: Mapping
    registry: Registry
    added: Tuple[str, ...] = ()
    taken: Tuple[str, ...] = ()
    is_whole: bool = True


def places(cfg: Mapping, splits: Sequence[str]) -> Iterator[Place]:
    """The parts that MMEngine's runner builds by itself, in this order.

    The model is left out: what its parts are is for the models to say, and
    they are built early.

    Args:
        cfg (Mapping): The config, without mistakes in its values.
        splits (Sequence[str]): Which of 'train', 'val' and 'test' are used.
    """
    for key, kind, added, taken in _PARTS:
        if 'train' in splits or key not in _TRAINING:
            for path, node in values_at(cfg, key):
                yield from _place(path, node, kind, added, taken)
    for path, node in values_at(cfg, 'custom_hooks'):
        for i, hook in enumerate(node or ()):
            yield from _place(f'{path}[{i}]', hook, 'HOOKS', (),
                              ('priority', ))
    if 'train' in splits:
        yield from _schedulers(cfg.get('param_scheduler'))
    for split in splits:
        if cfg.get(f'{split}_cfg') is not None:
            yield from _of_split(cfg, split)


# Key, registry, arguments added, keys taken out.
_PARTS = (
    ('log_processor', 'LOG_PROCESSORS', (), ()),
    ('visualizer', 'VISUALIZERS', ('name', ), ()),
    ('visualizer.vis_backends', 'VISBACKENDS', ('save_dir', ), ()),
    ('default_hooks.*', 'HOOKS', (), ('priority', )),
    ('optim_wrapper.optimizer', 'OPTIMIZERS', ('params', ), ()),
)
_TRAINING = ('optim_wrapper.optimizer', )
_LOOP_ARGUMENTS = ('runner', 'dataloader', 'evaluator')


def _place(path: str,
           node: Any,
           kind: str,
           added: Tuple[str, ...] = (),
           taken: Tuple[str, ...] = (),
           is_whole: bool = True) -> Iterator[Place]:
    if isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from _place(f'{path}[{i}]', item, kind, added, taken,
                              is_whole)
    elif isinstance(node, Mapping) and 'type' in node:
        yield Place(path, node, getattr(registry, kind), added, taken,
                    is_whole)


def _schedulers(node: Any) -> Iterator[Place]:
    for path, part in nodes(node, 'param_scheduler'):
        yield from _place(
            path, part, 'PARAM_SCHEDULERS', ('optimizer', 'epoch_length'),
            is_whole='convert_to_iter_based' not in part)


def _of_split(cfg: Mapping, split: str) -> Iterator[Place]:
    yield from _place(f'{split}_cfg', cfg[f'{split}_cfg'], 'LOOPS',
                      _LOOP_ARGUMENTS)
    loader = cfg.get(f'{split}_dataloader')
    if not loop_is_standard(cfg, split) or not isinstance(loader, Mapping):
        return
    path = f'{split}_dataloader'
    yield from _place(f'{path}.sampler', loader['sampler'], 'DATA_SAMPLERS',
                      ('dataset', 'seed'))
    yield from _place(f'{path}.batch_sampler', loader.get('batch_sampler'),
                      'DATA_SAMPLERS', ('sampler', 'batch_size'))
    yield from _dataset(loader['dataset'], f'{path}.dataset')
    evaluator = cfg.get(f'{split}_evaluator')
    if not (isinstance(evaluator, Mapping) and 'metrics' in evaluator):
        yield from _place(f'{split}_evaluator', evaluator, 'METRICS')


def _dataset(node: Any, path: str) -> Iterator[Place]:
    yield from _place(path, node, 'DATASETS')
    if not isinstance(node, Mapping):
        return
    for i, step in enumerate(_steps(node.get('pipeline'))):
        yield from _place(joined(f'{path}.pipeline', i), step, 'TRANSFORMS')


def _steps(pipeline: Any) -> Sequence:
    return pipeline if isinstance(pipeline, (list, tuple)) else ()
