"""python -m mmconvnextv2: finds the packaged tools and passes arguments on."""
import runpy
import sys

import pytest


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['-m', *arguments])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module('mmconvnextv2', run_name='__main__')
    return exit_.value.code


def test_arguments_reach_the_tool(monkeypatch, capsys):
    assert run(monkeypatch, 'train', 'no_such_config') == 2
    error = capsys.readouterr().err
    assert error.startswith('train.py: ')
    assert 'no_such_config' in error


def test_demonstrations_find_what_lies_beside_them(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'path', list(sys.path))
    assert run(monkeypatch, 'pretrain_demo', '--resume', 'no_such') == 2
    assert capsys.readouterr().err.startswith(
        'pretrain_demo.py: --resume: no_such is no output folder of this tool')


@pytest.mark.parametrize('arguments, code', [((), 2), (('fly', ), 2),
                                             (('--help', ), 0)])
def test_usage_lists_the_tools(monkeypatch, capsys, arguments, code):
    assert run(monkeypatch, *arguments) == code
    usage = capsys.readouterr().err
    assert usage.startswith('usage: python -m mmconvnextv2 {')
    names = usage.splitlines()[0].partition('{')[2].partition('}')[0]
    assert {'collapse_study', 'demo', 'pretrain_demo', 'test', 'train'} <= set(
        names.split(','))
    assert '_' not in {name[0] for name in names.split(',')}
