"""The keys of a metafile, and the form of their values."""
import re
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional
from urllib.parse import urlsplit

_PAPER_HOST = 'arxiv.org'
_CODE_HOST = 'github.com'
_OPENMMLAB_HOST = 'download.openmmlab.com'
_OFFICIAL_HOST = 'dl.fbaipublicfiles.com'
# What mim and PyTorch compare a download with: the digest's first 8 digits.
_HASH = re.compile(r'.*-[0-9a-f]{8}\.pth')
_PUBLISHED = re.compile(r'ConvNeXt( V2)?, .*(Table \d|Section \d|README)|'
                        r"OpenMMLab's (run|evaluation)")
OURS = 'ours'
METRICS = ('Top 1 Accuracy', 'Top 5 Accuracy', 'box AP', 'box AP50',
           'box AP75', 'mask AP', 'mask AP50', 'mask AP75', 'mIoU', 'mIoU(ms)',
           'mIoU(ms+flip)')
DATA_SETS = ('ImageNet-1k', 'ImageNet-22k', 'COCO', 'ADE20K', 'shapes')
# Part of the name of a weights file: what the weights were trained on. The
# first that fits.
_STARTS = (
    ('3rdparty-fcmae', 'FCMAE'),
    ('fcmae-in21k-pre', 'FCMAE, IN-22K, IN-1K'),
    ('fcmae-pre', 'FCMAE, IN-1K'),
    ('_ft_in22k/', 'FCMAE, IN-22K'),
    ('3rdparty_in21k', 'IN-22K'),
    ('in1k', 'IN-1K'),
)


class Field(NamedTuple):
    """A key of a mapping: type of its value, and what else is asked of it.

    ``check`` takes the value and returns what it must be, or None if it is.
    """

    type: type
    required: bool = True
    check: Optional[Callable[[Any], Optional[str]]] = None


def url_problem(url: str, *hosts: str) -> Optional[str]:
    """What a URL must be and is not; None if it is fine."""
    parts = urlsplit(url)
    if parts.scheme != 'https' or parts.netloc not in hosts:
        return f"a https:// URL of {' or '.join(hosts)}"
    if parts.netloc == _OPENMMLAB_HOST and not _HASH.fullmatch(parts.path):
        return 'a file with its hash in the name, like NAME-0123abcd.pth'
    return None


def _url(*hosts: str) -> Callable[[str], Optional[str]]:
    return lambda url: url_problem(url, *hosts)


def _matches(pattern: str, meaning: str) -> Callable[[Any], Optional[str]]:
    return lambda text: None if re.fullmatch(pattern, str(text)) else meaning


def _positive(number: int) -> Optional[str]:
    return None if number > 0 else 'positive'


def start_of(weights: str) -> Optional[str]:
    """What initial weights were trained on, in short; None if unknown."""
    if weights == 'none':
        return 'random'
    return next((what for part, what in _STARTS if part in weights), None)


def _initial_weights(text: str) -> Optional[str]:
    if start_of(text) is None:
        parts = ', '.join(part for part, _ in _STARTS)
        return f'none or a file with one of {parts} in its name'
    if text == 'none' or text.startswith('work_dirs/'):
        return None
    return url_problem(text, _OPENMMLAB_HOST)


def _source(text: str) -> Optional[str]:
    if text.startswith(f'{OURS}, ') or _PUBLISHED.match(text):
        return None
    return ("a paper's table or section, the README of its code, OpenMMLab's "
            f'run or evaluation, or "{OURS}, ..."')


def _data(names: Any) -> Optional[str]:
    listed = names if isinstance(names, list) else [names]
    is_known = listed and all(name in DATA_SETS for name in listed)
    return None if is_known else f"of {', '.join(DATA_SETS)}"


_WEIGHTS = Field(str, False, _url(_OPENMMLAB_HOST))
_OFFICIAL = _url(_OFFICIAL_HOST)
PAPER = {'Title': Field(str), 'URL': Field(str, True, _url(_PAPER_HOST))}
METADATA = {
    'Architecture': Field(list),
    'Parameters': Field(int, True, _positive),
    'FLOPs': Field(int, True, _positive),
    'Image Size': Field(str, True, _matches(r'\d+x\d+', 'WIDTHxHEIGHT')),
    'Training Data': Field(object, True, _data),
    'Epochs': Field(int, False, _positive),
    'Iterations': Field(int, False, _positive),
    'Batch Size': Field(int, True, _positive),
    'Initial Weights': Field(str, True, _initial_weights),
}
RESULT = {
    'Task': Field(str),
    'Dataset': Field(str),
    'Metrics': Field(dict),
    'Source': Field(str, True, _source),
    'Reproduced': Field(bool),
}
CONVERTED = {
    'Weights': Field(str, True, _OFFICIAL),
    'Code': Field(str, True, _url(_CODE_HOST)),
}
MODEL = {
    'Name': Field(str),
    'In Collection': Field(str),
    'Config': Field(str),
    'Metadata': Field(dict),
    'Paper': Field(dict, False),
    'Results': Field(list, False),
    'Weights': _WEIGHTS,
    'Converted From': Field(dict, False),
    'Official Weights': Field(str, False, _OFFICIAL),
}
CODE = {
    'URL': Field(str),
    'Version': Field(str, True, _matches(r'v\d+\.\d+\.\d+', 'like v0.1.0')),
}
COLLECTION = {
    'Name': Field(str),
    'Metadata': Field(dict),
    'Paper': Field(dict),
    'README': Field(str),
    'Code': Field(dict),
}


def mapping_problems(data: Dict[str, Any],
                     fields: Dict[str, Field],
                     where: str,
                     prefix: str = '') -> Iterator[str]:
    """What is wrong with the keys of a mapping and with their values.

    Args:
        data (dict): The mapping.
        fields (dict[str, Field]): Its keys.
        where (str): How messages name what the mapping is of.
        prefix (str): What stands before its keys in messages.

    Yields:
        str: A sentence for each problem.
    """
    for key in data:
        if key not in fields:
            yield (f'{where}: {prefix}{key} is not known, only '
                   f"{', '.join(fields)}")
    for key, field in fields.items():
        if key not in data:
            if field.required:
                yield f'{where}: {prefix}{key} is missing'
            continue
        value = data[key]
        # In Python, yes and no are integers too.
        if not isinstance(value, field.type) or (field.type is int
                                                 and value is True):
            yield (f'{where}: {prefix}{key} must be of type '
                   f'{field.type.__name__}, got {value!r}')
        elif field.check and (must_be := field.check(value)):
            yield f'{where}: {prefix}{key} must be {must_be}, got {value!r}'
