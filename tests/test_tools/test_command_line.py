"""Command lines are read before what takes seconds to import."""
import argparse
import subprocess
import sys

import pytest
from mmengine.config import DictAction

from mmconvnextv2 import analysis
from mmconvnextv2.checkpoint import FORMATS, OURS
from mmconvnextv2.cli import CommandError, read_settings
from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.inference import export_files
from mmconvnextv2.models.backbones.arch import ARCHS

_ROOT = configs_folder().parent
_PROGRAMS = sorted(x for folder in ('tools', 'demo')
                   for x in (_ROOT / folder).glob('[!_]*.py'))
# Runs a program as Python does, then prints what it has imported.
_RUN = '''
import runpy, sys

name, *sys.argv = sys.argv[1:]
try:
    if name == '-m':
        sys.orig_argv = ['python', '-m', 'mmconvnextv2', *sys.argv[1:]]
        runpy.run_module('mmconvnextv2', run_name='__main__')
    else:
        sys.path.insert(0, name.rpartition('/')[0])
        runpy.run_path(name, run_name='__main__')
except SystemExit as end:
    print(end.code, {'torch', 'mmengine', 'mmcv', 'nncf'} & set(sys.modules))
'''


def _run(*words):
    done = subprocess.run([sys.executable, '-c', _RUN, *map(str, words)],
                          capture_output=True, text=True)
    return done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize('path', _PROGRAMS, ids=lambda path: path.stem)
def test_help_and_mistakes_are_answered_at_once(path):
    said, error = _run(path, path, '--help')
    assert (said[0].split()[:2], said[-1], error) == (
        ['usage:', path.name], '0 set()', '')
    said, error = _run(path, path, '--no-such-argument')
    assert said == ['2 set()']
    assert f'{path.name}: error: ' in error


def test_help_of_the_packages_tools():
    said, error = _run('-m', '-m', 'train', '--help')
    assert (said[0][:16], said[-1], error) == (
        'usage: train.py ', '0 set()', '')


def test_every_program_is_asked():
    assert {'train', 'test', 'demo', 'run_exported'} <= {
        x.stem for x in _PROGRAMS}
    assert len(_PROGRAMS) >= 18


def _choices(parse_args, monkeypatch):
    """The choices of each argument that has some."""
    parsers = []
    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args',
                        lambda self, argv=None: parsers.append(self))
    parse_args([])
    actions = parsers[0]._actions
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            actions = [*actions, *action.choices['activations']._actions]
    return {x.dest: [*x.choices] for x in actions if x.choices}


@pytest.mark.parametrize('tool, expected', [
    ('analyze', dict(features=[*analysis.FEATURES])),
    ('convert_checkpoint', dict(source_format=['auto', *FORMATS],
                                target_format=[*FORMATS])),
    ('export', dict(format=[*export_files.FORMATS])),
    ('use_backbone', dict(arch=[x for x in ARCHS
                                if x not in ('small', 'xlarge')])),  # V1's
])
def test_choices_are_those_of_the_package(tool, expected, load_tool,
                                          monkeypatch):
    choices = _choices(load_tool(tool).parse_args, monkeypatch)
    assert {key: choices[key] for key in expected} == expected


def test_defaults_are_those_of_the_package(load_tool):
    named = ['knn', '--model', 'a', 'b', 'c', '--images', 'x', '--out', 'y']
    args = load_tool('analyze').parse_args(['activations', *named[1:]])
    assert args.features == analysis.AFTER_GRN
    args = load_tool('convert_checkpoint').parse_args(['a', 'b'])
    assert args.target_format == OURS


def test_demo_has_a_task_for_each_choice():
    import demo
    assert (*demo.TASKS, ) == demo._TASKS


WORDS = ['a=1', 'b.c=0.5', 'd=[1,(2,x),[]]', 'e=(1,)', 'f=1,2', 'g=None',
         'h=true', 'i="a b"', 'j=k=l', 'm=', "n='[1, 2]'", 'a=2']


def test_settings_are_read_as_mmengine_does(load_tool):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    theirs = parser.parse_args(['--cfg-options', *WORDS]).cfg_options
    args = load_tool('train').parse_args(
        ['c', '--cfg-options', *WORDS[:4], '--cfg-options', *WORDS[4:]])
    assert read_settings(args.cfg_options) == theirs
    assert theirs['d'] == [1, (2, 'x'), []]
    assert read_settings(None) == {}


@pytest.mark.parametrize('word', ['a', '=1', ''])
def test_words_that_set_nothing(word, load_tool, capsys):
    with pytest.raises(SystemExit):
        load_tool('print_config').parse_args(['c', '--cfg-options', word])
    assert ('argument --cfg-options: expected KEY=VALUE (no white space '
            f'around =), got {word!r}\n') in capsys.readouterr().err


@pytest.mark.parametrize('word', ['a', 'a=[1,2'])
def test_settings_that_cannot_be_read(word):
    with pytest.raises(CommandError, match=r'^--cfg-options: expected KEY=VALU'
                       r"E, with brackets in pairs, got \['b=1', "):
        read_settings(['b=1', word])
