"""The figures of the model zoo that follow from the configs themselves."""
import json
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Tuple

from mmengine.config import Config

from mmconvnextv2.analysis.complexity import Complexity, count_complexity
from mmconvnextv2.config.recipe import recipe
from .model_zoo import Entry

# Relative.
TOLERANCE = 0.01
# Key of an entry's metadata: of the recipe.
_RECIPE = {
    'Epochs': 'epochs',
    'Iterations': 'iterations',
    'Batch Size': 'batch',
    'Initial Weights': 'weights',
}


class Counter:
    """Compares entries with their configs; models of a kind counted once.

    Args:
        root (Path): Folder that the entries' paths start from.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._counted: Dict[Tuple[str, Tuple[int, int]], Complexity] = {}

    def problems(self, entry: Entry) -> Iterator[str]:
        """What an entry says that is not so.

        Args:
            entry (Entry): One that has the right form.

        Yields:
            str: A sentence for each figure.
        """
        metadata = entry.data['Metadata']
        cfg = Config.fromfile(self.root / entry.data['Config'])
        found = recipe(cfg)
        for key, name in _RECIPE.items():
            actual = found[name]
            if key == 'Initial Weights' and actual is None:
                actual = 'none'
            if metadata.get(key) != actual:
                yield (f'{entry.where}: {key} is {actual} in the config, got '
                       f'{metadata.get(key)}')
        width, height = map(int, metadata['Image Size'].split('x'))
        counted = self._count(cfg, (height, width))
        for key, actual in (('Parameters', counted.parameters),
                            ('FLOPs', counted.multiply_adds)):
            if abs(metadata[key] / actual - 1) > TOLERANCE:
                yield (f'{entry.where}: {key} is {actual} as counted, got '
                       f'{metadata[key]}')

    def _count(self, cfg: Config, size: Tuple[int, int]) -> Complexity:
        key = json.dumps(_shape(cfg.model), sort_keys=True, default=str), size
        if key not in self._counted:
            self._counted[key] = count_complexity(cfg, size)
        return self._counted[key]


def _shape(model: Any) -> Any:
    """A model's config without what changes no size."""
    if isinstance(model, Mapping):
        without = ('init_cfg', 'drop_path_rate')
        return {k: _shape(v) for k, v in model.items() if k not in without}
    return [_shape(x) for x in model] if isinstance(model, list) else model
