"""Compare the texts of two configs without running them."""
import ast
from typing import Any, Iterator, Tuple

# Of these the checkpoint's counts, or they differ in each run.
_PASSED_OVER = (
    'param_scheduler', 'optim_wrapper.optimizer',
    'optim_wrapper.paramwise_cfg', 'resume', 'load_from', 'work_dir',
    'experiment_name', 'launcher', 'randomness.seed', 'default_hooks.resume',
    'test_', 'visualizer', 'vis_backends')
_LONGEST = 60  # of a value, in characters


def differing(before: Any, now: str) -> Iterator[Tuple[str, str, str]]:
    """Find the settings in which two configs differ.

    Args:
        before (Any): Text of a config, as ``Config.pretty_text`` has it, or
            anything else, as a checkpoint may have, which has no settings.
        now (str): Text of the other.

    Yields:
        tuple: The path of a setting and the texts of its values, now and
        before; 'nothing' where it is not set.
    """
    try:
        old, new = (dict(_leaves(x)) for x in (before, now))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
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
