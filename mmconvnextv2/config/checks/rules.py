"""What MMEngine's own keys of a config may hold: key, check, words for it.

A check is no stricter than MMEngine is, or than makes sense: no config that
trains is refused.
"""
import logging
from numbers import Integral, Real
from typing import Any, Callable, Mapping, NamedTuple, Tuple


class Rule(NamedTuple):
    """What a key may hold.

    Attributes:
        key (str): Its dotted path below a part of the config. Lists on the way
            stand for their items; '*' is any key of a dict.
        accepts (Callable): Whether a value is right.
        expected (str): In words.
    """

    key: str
    accepts: Callable[[Any], bool]
    expected: str


def is_number(value: Any) -> bool:
    """Whether it is an int or a float, not a bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_int(value: Any) -> bool:
    """Whether it is an int, not a bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Whether it is an int of at least 1."""
    return is_int(value) and value >= 1


def is_length(value: Any) -> bool:
    """Whether MMEngine takes it as a number of epochs or iterations."""
    return is_number(value) and value >= 1 and value == value // 1


def is_dict(value: Any) -> bool:
    """Whether it is a dict."""
    return isinstance(value, Mapping)


def is_dicts(value: Any) -> bool:
    """Whether it is a dict or a list of dicts."""
    return is_dict(value) or is_list_of_dicts(value)


def is_list_of_dicts(value: Any) -> bool:
    """Whether it is a list of dicts."""
    return isinstance(value, (list, tuple)) and all(map(is_dict, value))


def may_be_none(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The check that lets None pass, too."""
    return lambda value: value is None or accepts(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_level(value: Any) -> bool:
    return is_int(value) or (isinstance(value, str) and isinstance(
        logging.getLevelName(value), int))


def _is_seed(value: Any) -> bool:
    return is_int(value) and 0 <= value < 2**32


def _is_rate(value: Any) -> bool:
    # Optimizers of other packages may have rates of another kind.
    return not isinstance(value, (str, bool, list, dict)) and not (
        is_number(value) and value < 0)


def _is_milestones(value: Any) -> bool:
    return not isinstance(value, str) and (
        not isinstance(value, (list, tuple)) or all(map(is_number, value)))


def _is_no_scalar(value: Any) -> bool:
    return not isinstance(value, (str, bool, Real))


_DICT = 'a dict'
_DICT_OR_NONE = 'a dict or None'
_POSITIVE = 'an integer of at least 1'
_NATURAL = 'an integer of at least 0'
_NUMBER = 'a number'

# Of the top level.
GENERAL: Tuple[Rule, ...] = (
    Rule('model', is_dict, _DICT),
    Rule('work_dir', _is_text, 'the path of a folder'),
    Rule('default_scope', may_be_none(_is_text),
         "the name of a package such as 'mmdet', or None"),
    Rule('load_from', may_be_none(_is_text),
         'the path or URL of a checkpoint, or None'),
    Rule('log_level', _is_level, "a level such as 'INFO'"),
    Rule('randomness', is_dict, _DICT),
    Rule('randomness.seed', may_be_none(_is_seed),
         'an integer from 0 to 2**32 - 1, or None'),
    Rule('env_cfg', is_dict, _DICT),
    Rule('env_cfg.mp_cfg', is_dict, _DICT),
    Rule('env_cfg.mp_cfg.mp_start_method',
         may_be_none(lambda x: x in ('fork', 'spawn', 'forkserver')),
         "'fork', 'spawn' or 'forkserver'"),
    Rule('env_cfg.dist_cfg', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('log_processor', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('auto_scale_lr', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('auto_scale_lr.base_batch_size', is_count, _POSITIVE),
    Rule('visualizer', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('visualizer.vis_backends', may_be_none(is_list_of_dicts),
         'a list of dicts or None'),
    Rule('default_hooks', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('default_hooks.*', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('custom_hooks', may_be_none(is_list_of_dicts),
         'a list of dicts or None'),
)
# Of the top level, where the config trains.
TRAINING: Tuple[Rule, ...] = (
    Rule('optim_wrapper', is_dict, _DICT),
    Rule('optim_wrapper.optimizer', may_be_none(is_dict), _DICT),
    Rule('optim_wrapper.optimizer.lr', _is_rate, 'a number of at least 0'),
    Rule('optim_wrapper.optimizer.weight_decay', _is_rate,
         'a number of at least 0'),
    Rule('optim_wrapper.paramwise_cfg', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('optim_wrapper.clip_grad', may_be_none(is_dict), _DICT_OR_NONE),
    Rule('optim_wrapper.accumulative_counts', is_count, _POSITIVE),
    Rule('param_scheduler', may_be_none(is_dicts),
         'a dict, a list of dicts or None'),
    Rule('param_scheduler.milestones', _is_milestones, 'a list of numbers'),
    Rule('param_scheduler.begin', is_number, _NUMBER),
    Rule('param_scheduler.end', is_number, _NUMBER),
)
# Of the data loader of a split.
LOADER: Tuple[Rule, ...] = (
    Rule('batch_size', may_be_none(is_count), _POSITIVE),
    Rule('num_workers', lambda x: is_int(x) and x >= 0, _NATURAL),
    # MMEngine hands what is no dict on to PyTorch, which takes sequences.
    Rule('dataset', lambda x: is_dict(x) or isinstance(x, (list, tuple)),
         'a dict with the key type'),
    Rule('sampler', _is_no_scalar, 'a dict with the key type'),
    Rule('batch_sampler', _is_no_scalar, _DICT_OR_NONE),
)
# Of MMEngine's own log processor.
LOG_PROCESSOR: Tuple[Rule, ...] = (
    Rule('window_size', is_count, _POSITIVE), )
# Of MMEngine's own training loops.
TRAIN_LOOP: Tuple[Rule, ...] = (
    Rule('max_epochs', is_length, _POSITIVE),
    Rule('max_iters', is_length, _POSITIVE),
    Rule('val_interval', lambda x: is_number(x) and x > 0, _POSITIVE),
    Rule('val_begin', is_number, _NUMBER),
)
