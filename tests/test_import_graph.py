"""The package's imports run one way: docs/design.md draws them."""
import ast
from pathlib import Path

import mmconvnextv2

PACKAGE = Path(mmconvnextv2.__file__).parent
# From the bottom to the top. What lies in a row imports from itself and from
# lower rows; so do the single modules of the lowest, where no circle comes.
ROWS = (
    ('errors', 'files', 'images', 'quiet', 'registry', 'text',
     'torchvision_ops', 'version'),
    ('ops', ),
    ('models', ),
    ('checkpoint', ),
    ('datasets', 'visualization'),
    ('config', ),
    ('analysis', 'engine'),
    ('inference', 'registered'),
    ('cli', ),
    ('__init__', '__main__'),
)
ROW = {name: row for row, names in enumerate(ROWS) for name in names}
# The one arrow upwards: init_weights() loads what init_cfg names.
UPWARDS = {('mmconvnextv2.models.backbones.convnextv2',
            'mmconvnextv2.checkpoint.pretrained')}


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
    return '.'.join(parts).removesuffix('.__init__')


MODULES = {
    module_name(path): path
    for path in PACKAGE.rglob('*.py') if '.mim' not in path.parts
}


def imports_of(name):
    """The package's modules that a module imports, within functions too."""
    path = MODULES[name]
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (x.name for x in node.names if x.name in MODULES)
        if not isinstance(node, ast.ImportFrom):
            continue
        source = node.module or ''
        if node.level:
            above = package.split('.')[:len(package.split('.')) - node.level
                                       + 1]
            source = '.'.join(above + ([source] if source else []))
        for alias in node.names:
            inner = f'{source}.{alias.name}'
            if inner in MODULES:
                yield inner
            elif source in MODULES:
                yield source


GRAPH = {name: set(imports_of(name)) - {name} for name in MODULES}


def part_of(name):
    return (name.split('.') + ['__init__'])[1]


def is_wrong(name, other):
    part, source = part_of(name), part_of(other)
    return part != source and ROW[source] >= max(ROW[part], 1)


def test_every_part_of_the_package_has_a_row():
    assert set(map(part_of, MODULES)) == set(ROW)


def test_imports_run_one_way():
    wrong = {(name, other)
             for name, others in GRAPH.items() for other in others
             if is_wrong(name, other)}
    assert wrong == UPWARDS


def test_there_is_no_circle():
    # A package's __init__ may import what lies in it, which imports the
    # package's neighbours: only modules themselves are asked for.
    graph = {
        name: {x for x in others if (name, x) not in UPWARDS
               and not name.startswith(f'{x}.')}
        for name, others in GRAPH.items()
    }
    done = set()
    while True:
        free = {name for name in graph.keys() - done if graph[name] <= done}
        if not free:
            break
        done |= free
    assert sorted(graph.keys() - done) == []


def test_reader_sees_imports_of_every_form():
    """The test would be worth nothing if it missed some of them."""
    assert 'mmconvnextv2.models' in GRAPH['mmconvnextv2.registered']
    assert 'mmconvnextv2.registry' in GRAPH[
        'mmconvnextv2.models.layers.block']
    assert 'mmconvnextv2.models.layers.norm' in GRAPH[
        'mmconvnextv2.models.layers.block']
    # Within a function.
    assert 'mmconvnextv2.checkpoint.pretrained' in GRAPH[
        'mmconvnextv2.models.backbones.convnextv2']
