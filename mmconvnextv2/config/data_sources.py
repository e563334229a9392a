"""Say where the data sets that our configs name come from.

The shapes data set is written; for the others there is advice.
"""
import os
import os.path as osp
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

from .find import shipped_configs
from .preflight import MissingPath
from .walk import type_name

_OTHERS = ('docs/which_recipe.md says where to get it, and what must lie in '
           '{root}.')
# How a folder of the path, or the type of the data set, begins; lower case.
_SOURCES = {
    'coco':
    'COCO 2017: unpack train2017.zip, val2017.zip and '
    'annotations_trainval2017.zip of\n'
    'https://cocodataset.org/#download into {root}.',
    'ade':
    'ADE20K: unpack http://data.csail.mit.edu/places/ADEchallenge/'
    'ADEChallengeData2016.zip\nso that {root} is its folder '
    'ADEChallengeData2016.',
    'imagenet2':
    'ImageNet-22K, 21841 classes: download it from '
    'https://image-net.org/download.php\n(needs an account) into {root}, a '
    'folder per class in train; a list of\nthe files in meta/train.txt, if '
    'there is one, saves reading the folders.',
    'imagenet':
    'ImageNet-1K: download it from https://image-net.org/download.php (needs '
    'an account)\ninto {root}, a folder per class in train and in val.',
    'shapes':
    'The shapes data set is written on first use, but not where something '
    'else lies.',
    'cub': _OTHERS, 'sar': _OTHERS,
    '':
    '{root}: not a data set this package knows. Put it there, or change '
    'data_root,\nann_file and data_prefix in the config.',
}
_LINK = 'Data that you have elsewhere can be linked: ln -s /path/to/it {root}'
_WEIGHTS = ('Weights: give the path of a file that exists, or a URL, which is '
            'downloaded.\nwork_dirs/NAME/... is what a run of configs/NAME.py '
            "writes; work_dirs/dinov3/... is Meta's,\nfrom "
            'github.com/facebookresearch/dinov3, with its licence accepted.')


def describe_missing(missing: Sequence[MissingPath], config: str,
                     command: str) -> str:
    """Say what is missing, how to get it and what runs without it.

    Args:
        missing (Sequence[MissingPath]): Result of ``missing_data``.
        config (str): The config, as the user named it.
        command (str): Command that trains a config whose name follows.
    """
    advice = dict.fromkeys(x for item in missing for x in _advice(item))
    return '\n'.join([
        f'{config} names files that do not exist (seen from {os.getcwd()}):',
        *(f"  {x.path}\n      named by {', '.join(x.keys)}" for x in missing),
        '', 'How to get them:',
        *('  - ' + x.replace('\n', '\n    ') for x in advice),
        '', 'This runs without any download:',
        f'  {command} {_without_download(config)}'
    ])


def _advice(item: MissingPath) -> Iterator[str]:
    section = item.keys[0].split('.')[0]
    if section.endswith('_evaluator'):
        yield f'Correct the path in the config: {item.keys[0]}.'
    elif section.endswith('_dataloader'):
        root = osp.normpath(
            item.dataset.get('data_root') or osp.dirname(item.path))
        words = [*PurePath(root).parts, '']
        if 'metainfo' not in item.dataset:  # else the type is but a format
            words.append(type_name(item.dataset))
        source = next(text for start, text in _SOURCES.items()
                      if any(x.lower().startswith(start) for x in words))
        yield source.format(root=root)
        if not osp.lexists(root):
            yield _LINK.format(root=root)
    else:
        yield _WEIGHTS


def _without_download(config: str) -> str:
    """Name the plain shapes config of the same task, or else a detector's."""
    task = re.split('convnextv[12]', PurePath(config).name)[0]
    names = [f'{task}convnextv2_{x}_shapes.py' for x in ('a', 'a_ft')]
    found = [x for x in names if x in shipped_configs()]
    return (found or ['maskrcnn_convnextv2_a_shapes.py'])[0]


def write_missing_shapes(missing: Sequence[MissingPath],
                         say: Callable[[str], None],
                         progress: bool = False) -> bool:
    """Write the shapes data set wherever a config expects and misses it.

    A data root called 'shapes', or a folder in one so called, means it.
    ``say`` takes a line for the user. Returns whether anything was written.

    Raises:
        FileExistsError: If something else lies there.
    """
    named = [Path(x.dataset.get('data_root') or '') for x in missing]
    roots = {x for x in (*named, *(y.parent for y in named))
             if x.name == 'shapes'}
    for root in sorted(roots):
        from mmconvnextv2.datasets import make_shapes
        say(f'Writing the shapes data set to {root} (the first time only)')
        make_shapes(root, progress=progress)
    return bool(roots)
