"""What is wrong at which key of a config."""
import difflib
import inspect
from typing import Any, Iterable, NamedTuple, Tuple

from mmengine.runner import Runner

from mmconvnextv2.config.walk import (  # noqa: F401
    SPLITS,
    joined,
    type_name,
)
from mmconvnextv2.config.walk import parts as nodes  # noqa: F401

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
