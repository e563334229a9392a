from argparse import Namespace
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmconvnextv2 import cli
from mmconvnextv2.engine.hooks import (
    DataCheckHook,
    DryRunHook,
    data_check_hook,
)


@pytest.mark.parametrize('launcher, variable', [
    ('pytorch', 'RANK'),
    ('slurm', 'SLURM_PROCID'),
    ('mpi', 'OMPI_COMM_WORLD_RANK'),
])
def test_rank_is_read_from_the_launchers_variable(monkeypatch, launcher,
                                                  variable):
    monkeypatch.delenv(variable, raising=False)
    assert cli.is_main_process(launcher)
    monkeypatch.setenv(variable, '1')
    assert not cli.is_main_process(launcher)
    assert cli.is_main_process('none')
    monkeypatch.setenv(variable, '0')
    assert cli.is_main_process(launcher)


def _refuse(args):
    raise cli.CommandError('because')


def test_run_command_sets_the_local_rank_memory_and_the_exit_code(
        monkeypatch, capsys):
    monkeypatch.setenv('LOCAL_RANK', '')  # so that it is put back
    monkeypatch.delenv('LOCAL_RANK')
    kept = []
    monkeypatch.setattr(cli, 'keep_freed_memory', lambda: kept.append(True))
    args = Namespace(launcher='none', local_rank=3)
    assert cli.run_command(_refuse, args) == 2
    assert kept == [True]
    assert cli.os.environ['LOCAL_RANK'] == '3'
    assert capsys.readouterr().err == '_refuse.py: because\n'
    monkeypatch.setenv('LOCAL_RANK', '1')
    assert cli.run_command(lambda args: None, args) == 0
    assert cli.os.environ['LOCAL_RANK'] == '1'


def test_launcher_that_nobody_started(monkeypatch, capsys):
    monkeypatch.delenv('RANK', raising=False)
    args = Namespace(launcher='pytorch', local_rank=0)
    assert cli.run_command(lambda args: 1 / 0, args) == 2
    assert capsys.readouterr().err == (
        '<lambda>.py: --launcher pytorch: RANK is not set, so nothing has '
        'started several processes. dist_*.sh and slurm_*.sh beside this tool '
        'do; without --launcher, one process runs.\n')


def test_other_errors_keep_their_traceback():
    args = Namespace(launcher='none', local_rank=0)
    with pytest.raises(ZeroDivisionError):
        cli.run_command(lambda args: 1 / 0, args)


def test_refused_errors_blame_the_argument():
    with pytest.raises(cli.CommandError, match="^--out: 'x'$"), \
            cli.refused('--out', KeyError):
        raise KeyError('x')
    with pytest.raises(OSError, match='^y$'), cli.refused('--out', KeyError):
        raise OSError('y')


FIT = dict(type='mmconvnextv2.CheckpointFitHook')


@pytest.mark.parametrize('hooks, added', [
    (dict(), [FIT]), (dict(custom_hooks=[dict(type='EMAHook')]), [FIT]),
    (dict(default_hooks=dict(fit=FIT)), []), (dict(custom_hooks=[FIT]), [])])
def test_configs_of_others_get_the_hook_of_checkpoints(
        monkeypatch, hooks, added):
    monkeypatch.setattr(cli.RUNNERS, 'build', lambda cfg: SimpleNamespace(
        cfg=cfg, hooks=[DryRunHook()]))
    said = []
    cfg = cli.build_runner(Config(dict(hooks)), (), said.append).cfg
    given = hooks.get('custom_hooks', [])
    assert cfg.get('custom_hooks', []) == given + added
    assert [x.partition('. It')[0] for x in said] == [
        f'Added to custom_hooks: {x}' for x in added]


@pytest.mark.parametrize('hooks, checked', [
    ([], ['train', 'val']), ([DataCheckHook()], ['train', 'val']),
    ([DataCheckHook(enabled=False)], [])])
def test_data_are_checked_once_before_they_are_built(
        monkeypatch, hooks, checked):
    seen = []
    monkeypatch.setattr(data_check_hook, 'check_data', lambda cfg, splits: (
        seen.extend(splits), [[], []])[1])
    monkeypatch.setattr(cli.RUNNERS, 'build', lambda cfg: SimpleNamespace(
        cfg=cfg, hooks=hooks))
    cfg = Config(dict(train_dataloader=dict(a=1), val_dataloader=dict(a=1)))
    runner = cli.build_runner(cfg, ('train', 'val'), print)
    assert seen == checked
    for hook in hooks:
        hook.check(runner, ['train', 'val'])
    assert seen == checked
