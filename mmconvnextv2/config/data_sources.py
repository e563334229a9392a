"""Where the data sets that our configs name come from.

The shapes data set is written; for the others the user is told.
"""
import os
import os.path as osp
import re
from pathlib import Path, PurePath
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from .find import shipped_configs
from .preflight import MissingPath

_FALLBACK = 'maskrcnn_convnextv2_a_shapes.py'


class Source(NamedTuple):
    """How to get a data set.

    Attributes:
        folders (tuple[str]): Folder names, in lower case, that its usual root
            contains.
        kinds (tuple[str]): Types of data set that read nothing else.
        text (str): What to do.
    """

    folders: Tuple[str, ...]
    kinds: Tuple[str, ...]
    text: str


SOURCES = (
    Source(('coco', ), ('CocoDataset', 'CocoPanopticDataset'),
           'COCO 2017: unpack train2017.zip, val2017.zip and '
           'annotations_trainval2017.zip of\n'
           'https://cocodataset.org/#download into {root}\n'
           "(or, with OpenXLab's client and an account: mim download mmdet "
           '--dataset coco2017;\nonedl-mim wants the name '
           'onedl-mmdetection).'),
    Source(('ade', 'adechallengedata2016'), ('ADE20KDataset', ),
           'ADE20K: unpack http://data.csail.mit.edu/places/ADEchallenge/'
           'ADEChallengeData2016.zip\nso that {root} is its folder '
           'ADEChallengeData2016.'),
    Source(('imagenet22k', 'imagenet21k'), ('ImageNet21k', ),
           'ImageNet-22K, 21841 classes: download it from '
           'https://image-net.org/download.php\n(needs an account) into '
           '{root}, a folder per class in train; a list of\nthe files in '
           'meta/train.txt, if there is one, saves reading the folders.'),
    Source(('imagenet', ), ('ImageNet', ),
           'ImageNet-1K: download it from https://image-net.org/download.php '
           '(needs an account)\ninto {root}, a folder per class in train and '
           "in val\n(or, with OpenXLab's client: mim download mmpretrain "
           '--dataset imagenet1k).'),
    Source(('shapes', ), (),
           'The shapes data set is written on first use, but not where '
           'something else lies.'),
)
_UNKNOWN = ('{root}: not a data set this package knows. Put it there, or '
            'change data_root,\nann_file and data_prefix in the config.')
_LINK = ('Data that you have elsewhere can be linked: '
         'ln -s /path/to/it {root}')
_WEIGHTS = ('Weights: give the path of a file that exists, or a URL, which is '
            'downloaded.\nwork_dirs/NAME/... is what a run of configs/NAME.py '
            'writes.')
_EVALUATOR = ('Correct the path in the config: the data sets themselves are '
              'there.')


def describe_missing(missing: Sequence[MissingPath],
                     config: str,
                     command: str) -> str:
    """Say what is missing, how to get it and what runs without it.

    Args:
        missing (Sequence[MissingPath]): What ``missing_data`` found.
        config (str): The config, as the user named it.
        command (str): What trains a config whose name follows.

    Returns:
        str: Text of several lines.
    """
    lines = [
        f'{config} names files that do not exist (seen from {os.getcwd()}):'
    ]
    for item in missing:
        lines += [f'  {item.path}', f"      named by {', '.join(item.keys)}"]
    lines += ['', 'How to get them:']
    for text in _remedies(missing):
        lines.append('  - ' + text.replace('\n', '\n    '))
    lines += [
        '', 'This runs without any download:',
        f'  {command} {_without_download(config)}'
    ]
    return '\n'.join(lines)


def _remedies(missing: Sequence[MissingPath]) -> List[str]:
    texts = []
    for item in missing:
        section = item.keys[0].split('.')[0]
        if section.endswith('_dataloader'):
            root = item.data_root or osp.dirname(item.path)
            texts.append(_source_text(item).format(root=osp.normpath(root)))
            if not osp.lexists(root):
                texts.append(_LINK.format(root=osp.normpath(root)))
        elif not section.endswith('_evaluator'):
            texts.append(_WEIGHTS)
    # What an evaluator reads belongs to a data set, of which the rest is
    # there if nothing else is missing.
    return list(dict.fromkeys(texts)) or [_EVALUATOR]


def _source_text(item: MissingPath) -> str:
    parts = {x.lower() for x in PurePath(item.data_root or item.path).parts}
    for source in SOURCES:
        if parts & set(source.folders):
            return source.text
    # Own classes: the type only tells the format.
    kind = '' if item.has_metainfo else item.kind
    return next((s.text for s in SOURCES if kind in s.kinds), _UNKNOWN)


def _without_download(config: str) -> str:
    """The shapes config of the same task, if there is one."""
    own = [x for x in shipped_configs() if x.endswith('_shapes.py')]
    task = _task(PurePath(config).name)
    # The plain one has the shortest name.
    return min((x for x in own if _task(x) == task),
               key=len,
               default=_FALLBACK)


def _task(name: str) -> str:
    """What precedes the model in a config's name."""
    return re.split('convnextv[12]', name)[0]


def shapes_root(missing: MissingPath) -> Optional[Path]:
    """Root of the shapes data set, if that is where a path is missing.

    Args:
        missing (MissingPath): The path.

    Returns:
        Path, optional: The data set's root if that, or the folder above it
        (which holds the other layouts), is called 'shapes'.
    """
    root = Path(missing.data_root)
    return next((x for x in (root, root.parent) if x.name == 'shapes'), None)


def write_missing_shapes(missing: Sequence[MissingPath],
                         say: Callable[[str], None],
                         progress: bool = False) -> bool:
    """Write the shapes data set wherever a config expects and misses it.

    Args:
        missing (Sequence[MissingPath]): What is missing.
        say (Callable[[str], None]): Called with a line for the user.
        progress (bool): Whether to show a progress bar. Defaults to False.

    Returns:
        bool: Whether anything was written.

    Raises:
        FileExistsError: If something else lies there.
    """
    roots = {root for root in map(shapes_root, missing) if root is not None}
    if roots:
        from mmconvnextv2.datasets import make_shapes
    for root in sorted(roots):
        say(f'Writing the shapes data set to {root} (the first time only)')
        make_shapes(root, progress=progress)
    return bool(roots)
