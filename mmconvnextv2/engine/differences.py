"""Compare the settings of a checkpoint with those of a config."""
import ast
from typing import Any, Dict, Iterator, List, Tuple

from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.text import first_of

# Of these the checkpoint's counts, or they differ in each run.
_PASSED_OVER = (
    'param_scheduler', 'optim_wrapper.optimizer',
    'optim_wrapper.paramwise_cfg', 'resume', 'load_from', 'work_dir',
    'experiment_name', 'launcher', 'randomness.seed', 'default_hooks.resume',
    'test_', 'visualizer', 'vis_backends')
_LONGEST = 60  # of a value, in characters
# What belongs to parameters and how far schedules are, unlike what they are.
_NO_SETTINGS = ('params', 'last_step', '_global_step', '_last_value',
                'base_values', 'verbose', 'best', 'num_bad_epochs',
                'cooldown_counter')


def of_configs(before: Any, now: str) -> Iterator[Tuple[str, str, str]]:
    """Find the settings in which two texts of ``Config.pretty_text`` differ.

    Yields the path of a setting and the texts of its values, now and before;
    'nothing' where it is not set. ``before`` may be anything that a checkpoint
    has for a text.
    """
    try:
        old, new = (dict(_leaves(x)) for x in (before, now))
    except (SyntaxError, ValueError, TypeError, AttributeError,
            RecursionError, MemoryError):
        return
    for path in sorted(old.keys() | new.keys()):
        values = [x.get(path, 'nothing') for x in (new, old)]
        if values[0] != values[1] and not path.startswith(_PASSED_OVER):
            new_text, old_text = (
                x[:_LONGEST] + '...' * (len(x) > _LONGEST) for x in values)
            yield path, new_text, old_text


def _leaves(text: str) -> Iterator[Tuple[str, str]]:
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign):
            yield from _inside(ast.unparse(statement.targets[0]),
                               statement.value)


def _inside(path: str, node: ast.expr) -> Iterator[Tuple[str, str]]:
    """Split dicts, and lists of dicts; other values are a text."""
    if isinstance(node, ast.Call):
        items = [(x.arg, x.value) for x in node.keywords]
    elif isinstance(node, ast.Dict):
        items = [(ast.unparse(k), x) for k, x in zip(node.keys, node.values)]
    elif isinstance(node, (ast.List, ast.Tuple)) and any(
            isinstance(x, (ast.Call, ast.Dict)) for x in node.elts):
        items = list(enumerate(node.elts))
    else:
        yield path, ast.unparse(node)
        return
    for key, value in items:
        yield from _inside(f'{path}.{key}', value)


def of_training(runner: Runner, checkpoint: dict,
                settings: str) -> Iterator[Tuple[str, Any, Any]]:
    """Find where schedules and the optimizer's settings differ.

    Yields a setting's name, the config's and the checkpoint's value.
    ``settings`` says whose count; if it is 'config', those of the checkpoint
    are replaced.

    Raises:
        CheckpointError: If the optimizer is of another kind, or the schedules
            are and the checkpoint's count.
    """
    saved = checkpoint['optimizer']
    parts = getattr(runner.optim_wrapper, 'optim_wrappers', None)
    if parts is None:
        parts, saved = dict(optimizer=runner.optim_wrapper), dict(
            optimizer=saved)
    for name, wrapper in parts.items():
        yield from _of_optimizer(name, wrapper, saved[name], settings)
    schedules = runner.param_schedulers
    if schedules is None:
        return
    saved = checkpoint.get('param_schedulers')
    named = schedules if isinstance(schedules, dict) else {'': schedules}
    for name, ours in named.items():
        theirs = saved[name] if name and saved else saved
        yield from _of_schedules(ours, theirs, settings)
    if settings == 'config':
        fresh = {k: [x.state_dict() for x in v] for k, v in named.items()}
        checkpoint['param_schedulers'] = fresh.get('', fresh)


def _of_optimizer(name: str, wrapper: OptimWrapper, saved: dict,
                  settings: str) -> Iterator[Tuple[str, Any, Any]]:
    ours, theirs = wrapper.optimizer.param_groups, saved['param_groups']
    mine, its = ({k for group in x for k in group} for x in (ours, theirs))
    if mine - its and its - mine:  # Newer versions of PyTorch only add.
        raise CheckpointError(
            "the optimizer's state in the checkpoint is of another "
            f'optimizer than the config has: it has {first_of(its - mine)}'
            f' instead of {first_of(mine - its)}')
    found: Dict[str, List[tuple]] = {}
    for group, other in zip(ours, theirs):
        for key in _unequal(group, other):
            # What schedules set is compared as it was first.
            if f'initial_{key}' not in group.keys() & other.keys():
                found.setdefault(key.replace('initial_', ''), []).append(
                    (group[key], other[key]))
    for key, values in found.items():
        groups = f' ({len(values)} of {len(ours)} parameter groups)'
        yield f'{name} {key}{groups * (len(ours) > 1)}', *values[0]
    if settings == 'config':
        # One more group stands for the rate that the log calls base_lr.
        base = saved.get('base_param_settings') or {}
        for group, other in zip(wrapper.param_groups, [*theirs, base]):
            other.update((k, x) for k, x in group.items() if k != 'params')


def _of_schedules(ours: list, theirs: Any,
                  settings: str) -> Iterator[Tuple[str, Any, Any]]:
    states = [x.state_dict() for x in ours]
    kinds = [type(x).__name__ for x in ours]
    if theirs is None or len(theirs) != len(ours) or any(
            x.keys() - y.keys() for x, y in zip(theirs, states)):
        if settings == 'config':
            yield 'param_scheduler', ', '.join(kinds), 'others'
            return
        raise CheckpointError(
            f'the schedules in the checkpoint are not those of the config, '
            f'which has {", ".join(kinds) or "none"}. To go on with those of '
            'the config: --resume-settings config')
    for kind, state, other in zip(kinds, states, theirs):
        for key in _unequal(state, other):
            yield f'{kind} {key}', state[key], other[key]


def _unequal(ours: dict, theirs: dict) -> List[str]:
    """Find the settings of both whose values differ."""
    plain = [{k: list(x) if isinstance(x, tuple) else x for k, x in y.items()}
             for y in (ours, theirs)]
    return [k for k in sorted(ours.keys() & theirs.keys() - {*_NO_SETTINGS})
            if plain[0][k] != plain[1][k]]
