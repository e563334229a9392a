"""The source code that frames of a traceback are at."""
import ast
import linecache
from functools import lru_cache
from typing import List, Optional, Set, Tuple

from .frames import Frame


def condition(frames: List[Frame]) -> str:
    """The condition of the assert statement that failed, as written."""
    frame, line = frames[-1]
    statement = _statement(frame.f_code.co_filename, line)
    if isinstance(statement, ast.Assert):
        return ' '.join((ast.get_source_segment(
            _source(frame.f_code.co_filename), statement.test) or '').split())
    return linecache.getline(frame.f_code.co_filename, line).strip()


def names_at_lines(frames: List[Frame]) -> Set[str]:
    """Names in the statements that the frames are at."""
    names: Set[str] = set()
    for frame, line in frames:
        statement = _statement(frame.f_code.co_filename, line)
        for node in ast.walk(statement) if statement is not None else ():
            names.add(getattr(node, 'id', getattr(node, 'attr', '')))
    return names


def _statement(file: str, line: int) -> Optional[ast.AST]:
    """The simple statement, or the head of a compound one, at a line."""
    tree = _tree(file)
    best: Optional[Tuple[int, ast.AST]] = None
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, ast.stmt) or not (
                node.lineno <= line <= (node.end_lineno or node.lineno)):
            continue
        size = (node.end_lineno or node.lineno) - node.lineno
        if best is None or size <= best[0]:
            best = size, node
    if best is None:
        return None
    if hasattr(best[1], 'body'):
        return getattr(best[1], 'test', getattr(best[1], 'iter', None))
    return best[1]


@lru_cache(maxsize=64)
def _tree(file: str) -> Optional[ast.AST]:
    try:
        return ast.parse(_source(file))
    except (SyntaxError, ValueError):
        return None


def _source(file: str) -> str:
    return ''.join(linecache.getlines(file))
