"""The set-up of a checkout, as far as it goes without installing."""
import subprocess
import sys
from pathlib import Path

import build_mmcv
import pytest
import setup_env
from progress import StepError


def test_cache_folder(monkeypatch):
    monkeypatch.delenv('MMCONVNEXTV2_CACHE', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', '/caches')
    assert setup_env.cache_folder() == Path('/caches/mmconvnextv2')
    monkeypatch.setenv('MMCONVNEXTV2_CACHE', '~/mine')
    assert setup_env.cache_folder() == Path.home() / 'mine'


def test_stacks_and_their_mmcv():
    assert setup_env.stacks() == ['classic', 'maintained']
    assert setup_env.mmcv_requirement('maintained') == 'onedl-mmcv==2.3.6'
    assert setup_env.mmcv_requirement('classic') == 'mmcv==2.1.0'
    with pytest.raises(StepError, match=r'common\.txt does not pin mmcv'):
        setup_env.mmcv_requirement('common')


@pytest.mark.parametrize('arguments, folder', [
    ([], setup_env.ROOT / '.venv'),
    (['--stack', 'classic'], setup_env.ROOT / '.venv-classic'),
    (['--stack', 'classic', '--venv', 'mine'], Path('mine')),
])
def test_each_stack_has_an_environment(arguments, folder):
    assert setup_env.parse_args(arguments).venv == folder


def test_makefile_names_the_same_environments():
    make = subprocess.run(
        ['make', '-n', 'test', 'STACK=classic'],
        cwd=setup_env.ROOT, capture_output=True, text=True, check=True)
    assert '--stack classic --venv .venv-classic --tests\n' in make.stdout
    assert '\n.venv-classic/bin/python -m pytest' in make.stdout


@pytest.mark.parametrize('tests, present', [
    (True, True), (True, False), (False, True)])
def test_packages_of_the_tests_are_installed_on_demand(
        monkeypatch, tmp_path, tests, present):
    commands = []
    monkeypatch.setattr(setup_env, 'REQUIREMENTS', tmp_path)
    monkeypatch.setattr(setup_env, 'run_step',
                        lambda title, command, *_: commands.append(command))
    monkeypatch.setattr(setup_env, 'mmcv_wheel', lambda *_: 'wheel')
    monkeypatch.setattr(setup_env, 'bridge_torchvision', lambda *_: None)
    (tmp_path / 'classic.txt').write_text('mmcv==2.1.0\n')
    own = tmp_path / 'tests_classic.txt'
    if present:
        own.touch()
    setup_env.install('python', 'classic', tmp_path, tests)
    common = str(tmp_path / 'tests.txt')
    assert [own in map(Path, x) for x in commands if common in x] == (
        [present] if tests else [])


def test_the_environment_imports_torchvision_by_itself(tmp_path):
    venv = tmp_path / 'venv'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', venv],
                   check=True)
    python = venv / 'bin' / 'python'
    setup_env.bridge_torchvision(str(python))
    # A torchvision that asks for the operators, and a torch that has them
    # once they are declared, in the place of the real ones.
    (tmp_path / 'torch.py').write_text(
        'class ops:\n'
        '    class torchvision: pass\n'
        'class library:\n'
        '    class Library:\n'
        '        def __init__(self, *args): pass\n'
        '        def define(self, schema):\n'
        "            setattr(ops.torchvision, schema.split('(')[0], 1)\n")
    (tmp_path / 'torchvision.py').write_text(
        'import torch\n'
        'print(torch.ops.torchvision.nms, torch.ops.torchvision.qnms)\n')
    done = subprocess.run([python, '-c', 'import torchvision'], cwd=tmp_path,
                          capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('1 1\n', '')


def test_requirements_are_pinned():
    files = list(setup_env.REQUIREMENTS.glob('*.txt'))
    assert len(files) == 8
    for file in files:
        for line in file.read_text().splitlines():
            # A marker after a semicolon may say where.
            assert (line.startswith('#') or not line
                    or line.split(';')[0].count('==') == 1), line


@pytest.mark.parametrize('found, arguments', [
    ('', []), (' tests', []), (' tests', ['--tests'])])
def test_up_to_date_environment_is_left_alone(tmp_path, monkeypatch, capsys,
                                              found, arguments):
    target = tmp_path / '.venv'
    target.mkdir()
    (target / '.mmconvnextv2-setup').write_text(
        f'maintained {setup_env.fingerprint()}{found}')
    monkeypatch.setattr(
        sys, 'argv', ['setup_env', '--venv', str(target), *arguments])
    assert setup_env.main() == 0
    assert capsys.readouterr().out == ''
    assert [x.name for x in tmp_path.iterdir()] == ['.venv']


def test_an_environment_without_the_tests_needs_is_completed(
        tmp_path, monkeypatch):
    target = tmp_path / '.venv'
    target.mkdir()
    stamp = target / '.mmconvnextv2-setup'
    stamp.write_text(f'maintained {setup_env.fingerprint()}')
    asked = []
    monkeypatch.setattr(setup_env, 'make_venv', lambda target: 'python')
    monkeypatch.setattr(setup_env, 'install', lambda *x: asked.append(x[-1]))
    monkeypatch.setattr(setup_env, 'check', lambda *_: None)
    monkeypatch.setattr(
        sys, 'argv', ['setup_env', '--venv', str(target), '--tests'])
    assert setup_env.main() == 0
    assert asked == [True]
    assert stamp.read_text() == (
        f'maintained {setup_env.fingerprint()} tests')


def test_failed_step_ends_with_its_message(tmp_path, monkeypatch, capsys):

    def fail(target):
        raise StepError('no pip')

    monkeypatch.setattr(setup_env, 'make_venv', fail)
    monkeypatch.setattr(
        sys, 'argv', ['setup_env', '--venv', str(tmp_path / '.venv')])
    assert setup_env.main() == 1
    assert 'Set-up stopped: no pip\n' in capsys.readouterr().err


def test_cached_wheel_is_used(tmp_path, monkeypatch):
    key = 'onedl-mmcv-2.3.6-torch2.13.0+cpu-cp311-linux-x86_64'
    monkeypatch.setattr(build_mmcv, '_query', lambda *_: key.split('-', 3)[3])
    wheel = tmp_path / 'wheels' / key / 'onedl_mmcv-2.3.6-cp311.whl'
    wheel.parent.mkdir(parents=True)
    wheel.touch()
    found = build_mmcv.mmcv_wheel('python', 'onedl-mmcv==2.3.6', tmp_path,
                                  tmp_path)
    assert found == wheel


def test_cross_package_tests_are_there():
    names = (setup_env.ROOT / 'dev' / 'cross_package_tests.txt').read_text()
    # pytest takes each line for an argument.
    assert all((setup_env.ROOT / x).is_file() for x in names.splitlines())
    assert names.splitlines() == sorted(set(names.splitlines()))
