"""Check, before anything is built, that the files a config names exist.

A missing file otherwise shows as a traceback, often minutes later and once per
process.
"""
import os.path as osp
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Tuple,
)

from .walk import SPLITS, type_name

# Keys of an evaluator that name what it compares with.
_EVALUATOR_PATHS = ('ann_file', 'seg_prefix')
# Data sets of mmpretrain that download themselves.
_DOWNLOADING = ('CIFAR10', 'CIFAR100', 'MNIST', 'FashionMNIST')


class MissingPath(NamedTuple):
    """A file or folder that a config names and that does not exist.

    Attributes:
        path (str): The path, as the data set would open it.
        keys (tuple[str]): What in the config names it.
        kind (str): Type of the data set, or '' for other files.
        data_root (str): The data set's root, or ''.
        has_metainfo (bool): Whether the data set has classes of its own.
    """

    path: str
    keys: Tuple[str, ...]
    kind: str = ''
    data_root: str = ''
    has_metainfo: bool = False


def missing_data(cfg: Mapping,
                 splits: Sequence[str] = SPLITS,
                 initial_weights: bool = True) -> List[MissingPath]:
    """List the local files and folders that a config names and that miss.

    Paths are joined with ``data_root`` as data sets do, and looked for inside
    data set wrappers. What is behind a URL or another storage backend is not
    checked.

    Args:
        cfg (Mapping): The config.
        splits (Sequence[str]): Which of 'train', 'val' and 'test' will be
            used. Defaults to all.
        initial_weights (bool): Whether the model will be initialised, so that
            the checkpoints in ``init_cfg`` count. Defaults to True.

    Returns:
        list[MissingPath]: Each path once, in the order of the config.
    """
    named = [
        *_data_paths(cfg, splits),
        *_load_from(cfg),
        *(_pretrained(cfg.get('model'), 'model') if initial_weights else ()),
    ]
    missing: Dict[str, MissingPath] = {}
    for item in named:
        if not item.path or '://' in item.path or osp.exists(item.path):
            continue
        key = osp.normpath(item.path)
        first = missing.get(key)
        missing[key] = item if first is None else first._replace(
            keys=first.keys + item.keys)
    return list(missing.values())


def remote_weights(cfg: Mapping) -> Dict[str, str]:
    """Weights that a config names by URL: what names them, and the URL."""
    named = [*_load_from(cfg), *_pretrained(cfg.get('model'), 'model')]
    return {x.keys[0]: x.path for x in named if '://' in x.path}


def _data_paths(cfg: Mapping,
                splits: Sequence[str]) -> Iterator[MissingPath]:
    for split in splits:
        loader = f'{split}_dataloader'
        for key, dataset in leaf_datasets(cfg.get(loader), loader):
            yield from _dataset_paths(dataset, key)
    for split in splits:
        evaluator = f'{split}_evaluator'
        yield from _evaluator_paths(cfg.get(evaluator), evaluator)


def leaf_datasets(node: Any, key: str) -> Iterator[Tuple[str, Mapping]]:
    """Data sets of a data loader, inside wrappers of any depth.

    Args:
        node (Any): The data loader's or data set's config.
        key (str): What it is called in the config.

    Yields:
        tuple[str, Mapping]: A data set's own key, and its config.
    """
    if isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from leaf_datasets(item, f'{key}[{i}]')
    elif isinstance(node, Mapping):
        wrapped = [name for name in ('dataset', 'datasets') if name in node]
        for name in wrapped:
            yield from leaf_datasets(node[name], f'{key}.{name}')
        if not wrapped:
            yield key, node


def _dataset_paths(dataset: Mapping, key: str) -> Iterator[MissingPath]:
    kind = type_name(dataset)
    backend = (dataset.get('backend_args') or {}).get('backend', 'local')
    if backend != 'local' or (kind in _DOWNLOADING
                              and dataset.get('download', True)):
        return
    root = str(dataset.get('data_root') or '')
    for name, value in _named_by(dataset, kind):
        path = osp.join(root, value)
        yield MissingPath(path, (f'{key}.{name}', ), kind, root,
                          'metainfo' in dataset)


def _named_by(dataset: Mapping, kind: str) -> List[Tuple[str, str]]:
    """Keys of a data set that name a file or folder, and what they name."""
    prefix = dataset.get('data_prefix') or {}
    if isinstance(prefix, str):
        prefix = {'': prefix}
    elif not isinstance(prefix, Mapping):
        prefix = {}  # Building the data set tells that it is wrong.
    named = {'ann_file': dataset.get('ann_file') or None}
    named.update({f'data_prefix.{k}'.rstrip('.'): v
                  for k, v in prefix.items()})
    if not prefix and kind.startswith('ImageNet'):
        named['split'] = dataset.get('split')
    found = [(k, v) for k, v in named.items() if isinstance(v, str)]
    return found or ([('data_root', '')] if dataset.get('data_root') else [])


def _evaluator_paths(node: Any, key: str) -> Iterator[MissingPath]:
    if isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from _evaluator_paths(item, f'{key}[{i}]')
    elif isinstance(node, Mapping):
        yield from _evaluator_paths(node.get('metrics'), f'{key}.metrics')
        backend = (node.get('backend_args') or {}).get('backend', 'local')
        for name in _EVALUATOR_PATHS if backend == 'local' else ():
            if isinstance(node.get(name), str):
                yield MissingPath(node[name], (f'{key}.{name}', ))


def _load_from(cfg: Mapping) -> Iterator[MissingPath]:
    if isinstance(cfg.get('load_from'), str):
        yield MissingPath(cfg['load_from'], ('load_from', ))


def _pretrained(node: Any, key: str) -> Iterator[MissingPath]:
    """Checkpoints of ``init_cfg`` (and of the older ``pretrained``)."""
    if isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from _pretrained(item, f'{key}[{i}]')
    elif isinstance(node, Mapping):
        names = ['pretrained']
        if type_name(node) == 'Pretrained':
            names.append('checkpoint')
        for name, value in node.items():
            if name in names and isinstance(value, str):
                yield MissingPath(value, (f'{key}.{name}', ))
            else:
                yield from _pretrained(value, f'{key}.{name}')
