"""The model zoo: what model-index.yml and the metafiles it imports say.

Plain YAML in OpenMMLab's schema, which mim reads. Beyond that schema, each
result has its ``Source`` and whether we have ``Reproduced`` it.
"""
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import yaml

INDEX = 'model-index.yml'


class Entry(NamedTuple):
    """A model of the zoo.

    Attributes:
        file (str): Its metafile, seen from the root.
        data (dict): What the metafile says of it.
    """

    file: str
    data: Dict[str, Any]

    @property
    def name(self) -> str:
        """Its name, which is that of its config."""
        return str(self.data.get('Name'))

    @property
    def where(self) -> str:
        """How messages name it."""
        return f'{self.file}: {self.name}'


class Family(NamedTuple):
    """A metafile.

    Attributes:
        file (str): Its path, seen from the root.
        collections (list[dict]): Its collections; one, if it is correct.
        entries (list[Entry]): Its models, in order.
    """

    file: str
    collections: List[Dict[str, Any]]
    entries: List[Entry]

    @property
    def name(self) -> str:
        """Short name: the file's."""
        return Path(self.file).stem


def load_zoo(root: Path) -> List[Family]:
    """Read all metafiles that the index imports.

    Args:
        root (Path): Folder of model-index.yml.

    Returns:
        list[Family]: In the index's order.

    Raises:
        FileNotFoundError: If the index, or a file that it imports, is missing.
        ValueError: If a file does not have the form of an index or metafile.
    """
    imports = _read(root, INDEX).get('Import')
    if not isinstance(imports, list) or not imports:
        raise ValueError(f'{INDEX} must list the metafiles under Import, got '
                         f'{imports!r}')
    return [_load_family(root, str(file)) for file in imports]


def entries(zoo: List[Family]) -> List[Entry]:
    """All models of all families."""
    return [entry for family in zoo for entry in family.entries]


def _load_family(root: Path, file: str) -> Family:
    found = _read(root, file)
    parts = [found.get('Collections'), found.get('Models')]
    for key, part in zip(('Collections', 'Models'), parts):
        if not isinstance(part, list) or not all(
                isinstance(x, dict) for x in part):
            raise ValueError(f'{file}: {key} must be a list of mappings')
    return Family(file, parts[0], [Entry(file, model) for model in parts[1]])


def _read(root: Path, file: str) -> Dict[str, Any]:
    path = root / file
    if not path.is_file():
        raise FileNotFoundError(f'there is no {file} in {root}')
    try:
        found = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f'{file} is not YAML: {error}') from error
    if not isinstance(found, dict):
        raise ValueError(f'{file} must be a mapping, got '
                         f'{type(found).__name__}')
    return found
