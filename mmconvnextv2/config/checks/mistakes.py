"""What is wrong at which key of a config."""
import difflib
import inspect
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, Tuple

from mmengine.runner import Runner

SPLITS = ('train', 'val', 'test')
_LONGEST = 300  # characters of a value or a message that are shown
# What MMEngine's runners read besides the arguments of Runner.
_MORE_KEYS = ('activation_checkpointing', 'compile', 'custom_imports',
              'efficient_conv_bn_eval', 'find_unused_parameters',
              'model_wrapper_cfg', 'runner_type', 'strategy', 'sync_bn',
              'tta_model', 'tta_pipeline')


class Mistake(NamedTuple):
    """A mistake in a config.

    Attributes:
        key (str): Where, such as 'model.roi_head.bbox_head[0].num_classes'.
        problem (str): What was expected and what came.
    """

    key: str
    problem: str

    def __str__(self) -> str:
        return f'{self.key}: {self.problem}'


def runner_keys() -> Tuple[str, ...]:
    """Top-level keys of a config that MMEngine reads."""
    arguments = inspect.signature(Runner).parameters
    return (*(x for x in arguments if x != 'cfg'), *_MORE_KEYS)


def similar(name: Any, candidates: Iterable[str]) -> str:
    """'' or a sentence that asks whether a similar name was meant."""
    if not isinstance(name, str):
        return ''
    found = difflib.get_close_matches(
        name, sorted(set(candidates) - {name}), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ''


def shown(value: Any) -> str:
    """A value as it is shown to the user, shortened if need be."""
    return shortened(repr(value))


def shortened(text: str) -> str:
    """The first sentence or two of a long message, on one line."""
    text = ' '.join(text.split())
    return text if len(text) <= _LONGEST else f'{text[:_LONGEST]}...'


def joined(path: str, name: Any) -> str:
    """Path of a child: 'path.name', 'path[3]', or 'name' at the top."""
    if isinstance(name, int):
        return f'{path}[{name}]'
    return f'{path}.{name}' if path else str(name)


def type_name(node: Any) -> str:
    """Name of what builds a node, without its package; '' if there is none."""
    kind = node.get('type') if isinstance(node, Mapping) else None
    kind = getattr(kind, 'func', kind)  # of a partial function
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return name.replace('/', '.').split('.')[-1]


def nodes(tree: Any, path: str = '') -> Iterator[Tuple[str, Mapping]]:
    """Every dict of a config from the outside in, and its path."""
    if isinstance(tree, Mapping):
        yield path, tree
        children: Iterable = list(tree.items())
    elif isinstance(tree, (list, tuple)):
        children = enumerate(tree)
    else:
        return
    for name, child in children:
        yield from nodes(child, joined(path, name))
