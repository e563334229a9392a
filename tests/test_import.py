import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmconvnextv2

_PROGRAM = '''
import importlib.abc, sys

OPTIONAL = ('mmdet', 'mmseg', 'mmpretrain', 'torchvision', 'timm')


class Block(importlib.abc.MetaPathFinder):

    def find_spec(self, name, path, target=None):
        if name.split('.')[0] in OPTIONAL:
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)


sys.meta_path.insert(0, Block())
from mmengine.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS

# The scope alone makes MMEngine import the package.
assert 'mmconvnextv2' not in sys.modules
backbone = MODELS.build(dict(type='mmconvnextv2.ConvNeXtV2', arch='atto'))
assert 'mmconvnextv2' in sys.modules
for name in ('ConvNeXtV2', 'GRN'):
    assert MODELS.get(name) is MODELS.get(f'mmconvnextv2.{name}')
    assert MODELS.get(name).__module__.startswith('mmconvnextv2.')
constructor = OPTIM_WRAPPER_CONSTRUCTORS.get(
    'mmconvnextv2.LayerDecayOptimWrapperConstructor')
assert constructor is OPTIM_WRAPPER_CONSTRUCTORS.get(
    'LayerDecayOptimWrapperConstructor')
import pytest

import mmconvnextv2
assert type(backbone) is mmconvnextv2.ConvNeXtV2
assert not set(OPTIONAL) & set(sys.modules)
try:
    MODELS.get('mmconvnextv2.FCMAE')
except ImportError as error:
    assert str(error).startswith('FCMAE is built on mmpretrain, which is not ')
    print('registered')
'''


def test_backbone_registers_where_mmdet_mmseg_and_mmpretrain_are_absent():
    done = subprocess.run([sys.executable, '-c', _PROGRAM],
                          capture_output=True,
                          text=True)
    assert done.stdout.endswith('registered\n'), done.stderr


def test_registers_for_the_package_of_a_module_that_is_run(tmp_path):
    """Python imports a package before it changes the -m of the arguments."""
    (tmp_path / 'own').mkdir()
    (tmp_path / 'own' / '__init__.py').write_text('import mmconvnextv2')
    (tmp_path / 'own' / 'train.py').write_text(
        'from mmengine.registry import MODELS\n'
        "print(MODELS.module_dict.get('ConvNeXtV2'))")
    done = subprocess.run(
        [sys.executable, '-m', 'own.train', '-m', 'mmconvnextv2'],
        capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == (
        "<class 'mmconvnextv2.models.backbones.convnextv2.ConvNeXtV2'>\n"
    ), done.stderr


_SLOW = ('torch._dynamo', 'torch._inductor', 'triton', 'matplotlib', 'mmdet',
         'mmseg', 'mmpretrain', 'timm')


def test_loads_no_compiler_and_no_optional_package():
    """Each takes a good part of a second."""
    program = ('import sys, torch, mmengine, mmcv, mmengine.runner\n'
               'before = set(sys.modules)\n'
               'import mmconvnextv2\n'
               f'print(sorted(set({_SLOW}) & (set(sys.modules) - before)))')
    done = subprocess.run([sys.executable, '-c', program],
                          capture_output=True,
                          text=True)
    assert done.stdout == '[]\n', done.stdout + done.stderr


def test_no_private_name_of_torch_is_imported():
    """They come and go: one that 2.8 brought had kept out all before it."""
    found = {
        f'{node.module}.{alias.name}'
        for path in Path(mmconvnextv2.__file__).parent.rglob('*.py')
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.module or '').split('.')[0] == 'torch'
        for alias in node.names if alias.name.startswith('_')
    }
    assert found == set()


_LACKING = '''
import importlib.abc, sys

lacking = sys.argv[1]


class Block(importlib.abc.MetaPathFinder):

    def find_spec(self, name, path, target=None):
        if name.split('.')[0] == lacking:
            raise ModuleNotFoundError(f'No module {name!r}', name=lacking)


sys.meta_path.insert(0, Block())
from mmengine.registry import DATASETS
for kind in ('FolderSegDataset', 'CocoByNameDataset'):
    try:
        DATASETS.build(dict(type='mmconvnextv2.' + kind, ann_file='',
                            lazy_init=True))
        print(kind)
    except ImportError as error:
        print(error)
'''


@pytest.mark.parametrize('lacking, there, absent', [
    ('mmdet', 'FolderSegDataset', 'CocoByNameDataset'),
    ('mmseg', 'CocoByNameDataset', 'FolderSegDataset')])
def test_a_data_set_needs_only_its_own_package(lacking, there, absent):
    done = subprocess.run([sys.executable, '-c', _LACKING, lacking],
                          capture_output=True, text=True)
    # mmpretrain prints too.
    assert set(done.stdout.splitlines()) >= {there, (
        f'mmconvnextv2.{absent} is built on {lacking}, which is not '
        'installed. How to install it: README.md of mmconvnextv2, section '
        '"Installation".')}, done.stderr
