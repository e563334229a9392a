"""What is wrong with a metafile by itself."""
from pathlib import Path
from typing import Any, Dict, Iterator, List

from .model_zoo import Family
from .model_zoo_fields import (
    CODE,
    COLLECTION,
    CONVERTED,
    METADATA,
    METRICS,
    MODEL,
    OURS,
    PAPER,
    RESULT,
    mapping_problems,
)


def schema_problems(family: Family, root: Path) -> List[str]:
    """What is wrong with a metafile by itself.

    Args:
        family (Family): The metafile.
        root (Path): Folder that paths in it start from.

    Returns:
        list[str]: A sentence for each problem.
    """
    found = []
    if len(family.collections) != 1:
        found.append(f'{family.file}: there must be one collection, got '
                     f'{len(family.collections)}')
    for data in family.collections:
        found += _collection(data, family.file, root)
    names = [x.get('Name') for x in family.collections]
    for entry in family.entries:
        found += _model(entry.data, entry.where, names)
    return found


def _collection(data: Dict, file: str, root: Path) -> Iterator[str]:
    where = f"{file}: collection {data.get('Name')}"
    yield from mapping_problems(data, COLLECTION, where)
    yield from _part(data, 'Paper', PAPER, where)
    yield from _part(data, 'Code', CODE, where)
    code = data.get('Code')
    url = code.get('URL') if isinstance(code, dict) else None
    # modelindex, which mim reads with, finds the README from the metafile.
    for key, name, start in (('README', data.get('README'),
                              (root / file).parent), ('Code.URL', url, root)):
        if isinstance(name, str) and not (start / name).is_file():
            yield f'{where}: {key} must be a file of ours, got {name!r}'


def _model(data: Dict, where: str, collections: List) -> Iterator[str]:
    yield from mapping_problems(data, MODEL, where)
    for key, fields in (('Paper', PAPER), ('Metadata', METADATA),
                        ('Converted From', CONVERTED)):
        yield from _part(data, key, fields, where)
    collection = data.get('In Collection')
    if collection is not None and collection not in collections:
        yield (f'{where}: In Collection must be of {collections}, got '
               f'{collection!r}')
    metadata = data.get('Metadata')
    if isinstance(metadata, dict) and (('Epochs' in metadata) ==
                                       ('Iterations' in metadata)):
        yield f'{where}: Metadata must have either Epochs or Iterations'
    if 'Converted From' in data and 'Weights' not in data:
        yield f'{where}: Converted From needs Weights'
    results = data.get('Results')
    for i, result in enumerate(results if isinstance(results, list) else []):
        yield from _result(result, f'{where}: Results[{i}]')


def _result(data: Any, where: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f'{where} must be a mapping, got {data!r}'
        return
    yield from mapping_problems(data, RESULT, where)
    metrics = data.get('Metrics')
    for name, value in (metrics if isinstance(metrics, dict) else {}).items():
        if name not in METRICS:
            yield (f'{where}: metrics must be of {", ".join(METRICS)}, got '
                   f'{name!r}')
        if not isinstance(value, float) or not 0 < value <= 100:
            yield (f'{where}: {name} must be a number with a point, up to '
                   f'100, got {value!r}')
    is_ours = str(data.get('Source')).startswith(OURS)
    if data.get('Reproduced') not in (None, is_ours):
        yield (f'{where}: Reproduced must be {"yes" if is_ours else "no"}, as '
               f"the source is {data.get('Source')!r}")


def _part(data: Dict, key: str, fields: Dict, where: str) -> Iterator[str]:
    if isinstance(data.get(key), dict):
        yield from mapping_problems(data[key], fields, where, f'{key}.')
