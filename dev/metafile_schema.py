"""The schema of a metafile: OpenMMLab's, which mim reads, and what we add."""
import re
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional

OURS = 'ours, '
METRICS = ('Top 1 Accuracy', 'Top 5 Accuracy', 'box AP', 'box AP50',
           'box AP75', 'mask AP', 'mask AP50', 'mask AP75', 'mIoU', 'mIoU(ms)',
           'mIoU(ms+flip)')
_DATA = ('ImageNet-1k', 'ImageNet-22k', 'COCO', 'ADE20K', 'shapes',
         'CUB-200-2011', 'SARDet-100K', 'SAR-AIRcraft-1.0')
# What initial weights were trained on, by a part of their file's name. The
# first that fits.
_STARTS = {
    'work_dirs/fcmae_': 'FCMAE, 800 epochs',
    'work_dirs/mocov3_': 'MoCo V3',
    '_ft-8xb256-': 'SimMIM, IN-1K',
    '/simmim_swin-': 'SimMIM',
    '/mae_vit-': 'MAE',
    '/beit_vit-': 'BEiT',
    '_22k_224': 'IN-22K',
    '3rdparty-fcmae': 'FCMAE',
    'fcmae-in21k-pre': 'FCMAE, IN-22K, IN-1K',
    'fcmae-pre': 'FCMAE, IN-1K',
    '_ft_in22k/': 'FCMAE, IN-22K',
    'lvd1689m': 'DINOv3',
    '3rdparty_in21k': 'IN-22K',
    'in1k': 'IN-1K',
    'resnext101': 'IN-1K',
    '_imagenet_': 'IN-1K',
}
# mim and PyTorch compare a download with the digest's first 8 digits.
_OPENMMLAB = r'https://download\.openmmlab\.com/.*-[0-9a-f]{8}\.pth'
_AUTHORS = r'https://dl\.fbaipublicfiles\.com/.*'


def start_of(weights: str) -> Optional[str]:
    """Say in short what initial weights were trained on, if it is known."""
    if weights == 'none':
        return 'random'
    return next((x for part, x in _STARTS.items() if part in weights), None)


class Rule(NamedTuple):
    """A rule for a value: its wording after 'must be', and its test."""

    wording: str
    fits: Callable[[Any], bool]


def _text(wording: str, pattern: str) -> Rule:
    return Rule(wording, lambda x: re.fullmatch(pattern, str(x)) is not None)


_NAME = Rule('text', lambda x: isinstance(x, str))
_NUMBER = Rule('a positive whole number', lambda x: type(x) is int and x > 0)
_WEIGHTS = _text("a file of OpenMMLab's with its hash in the name", _OPENMMLAB)
_OFFICIAL = _text("a file of the authors'", _AUTHORS)
PAPER = {
    'Title': _NAME,
    'URL': _text('a URL of arXiv', r'https://arxiv\.org/.*'),
}
# Keys with '?' may be left out.
COLLECTION = {
    'Name': _NAME,
    'Metadata': {'Training Techniques': [_NAME]},
    'Paper': PAPER,
    'README': _NAME,
    'Code': {'URL': _NAME, 'Version': _text('like v0.1.0', r'v\d+(\.\d+){2}')},
}
MODEL = {
    'Name': _NAME,
    'In Collection': _NAME,
    'Config': _NAME,
    'Metadata': {
        'Architecture': [_NAME],
        'Parameters': _NUMBER,
        'FLOPs': _NUMBER,
        'Image Size': _text('WIDTHxHEIGHT', r'\d+x\d+'),
        'Training Data': Rule(
            f'of {", ".join(_DATA)}',
            lambda x: {*(x if isinstance(x, list) else [x])} <= {*_DATA}),
        'Epochs?': _NUMBER,
        'Iterations?': _NUMBER,
        'Batch Size': _NUMBER,
        'Initial Weights': Rule(
            "none, a file in work_dirs or one of OpenMMLab's or the authors', "
            f'with one of {", ".join(_STARTS)} in its name',
            lambda x: start_of(x) is not None and re.fullmatch(
                f'none|work_dirs/.*|{_OPENMMLAB}|{_AUTHORS}', x) is not None),
    },
    # What a paper prints of the model, at that image size.
    'Published?': {
        'Parameters?': _text('like 28.6M', r'[\d.]+M'),
        'FLOPs': _text('like 4.47G', r'[\d.]+G'),
    },
    'Paper?': PAPER,
    'Results?': [{
        'Task': _NAME,
        'Dataset': _NAME,
        'Metrics': {f'{name}?': Rule(
            'a number with a point, up to 100',
            lambda x: isinstance(x, float) and 0 < x <= 100)
            for name in METRICS},
        'Source': _text(
            "a paper's table or section, the README of its code, OpenMMLab's "
            f'run or evaluation, or "{OURS}..."',
            rf"{OURS}.*|ConvNeXt( V2)?, "
            r".*(Tables? \d|Section \d|README|appendix).*|"
            r"OpenMMLab's (run|evaluation).*"),
        # What was done to get the figure, where that is not plain testing.
        'Protocol?': _NAME,
        'Reproduced': Rule('yes or no', lambda x: isinstance(x, bool)),
    }],
    'Weights?': _WEIGHTS,
    'Converted From?': {
        'Weights': _OFFICIAL,
        'Code': _text('a URL of GitHub', r'https://github\.com/.*'),
    },
    'Official Weights?': _OFFICIAL,
}


def schema_problems(value: Any, rule: Any, path: str = '') -> Iterator[str]:
    """Check a value against a rule, and what is in it.

    Args:
        value (Any): What the metafile has.
        rule (Rule | dict | list): A rule; rules by key; or that of all items.
        path (str): Path of the value. Defaults to ''.

    Yields:
        str: A sentence for each problem.
    """
    if isinstance(rule, Rule):
        if not rule.fits(value):
            yield f'{path} must be {rule.wording}, got {value!r}'
    elif not isinstance(value, type(rule)):
        kind = 'a mapping' if isinstance(rule, dict) else 'a list'
        yield f'{path} must be {kind}, got {value!r}'
    elif isinstance(rule, list):
        for i, item in enumerate(value):
            yield from schema_problems(item, rule[0], f'{path}[{i}]')
    else:
        yield from _mapping_problems(value, rule, f'{path}.' if path else '')


def _mapping_problems(value: Dict[str, Any], rules: Dict[str, Any],
                      prefix: str) -> Iterator[str]:
    known = {key.removesuffix('?'): rule for key, rule in rules.items()}
    for key in value:
        if key not in known:
            yield f'{prefix}{key} is not known, only {", ".join(known)}'
    for key, rule in known.items():
        if key in value:
            yield from schema_problems(value[key], rule, f'{prefix}{key}')
        elif key in rules:
            yield f'{prefix}{key} is missing'
