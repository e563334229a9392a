"""Kill small runs at random moments, resume them and compare how they end.

    python dev/kills.py --number 100 --seed 0 [KIND ...]

Each has an EMA, an accumulation that does not divide its epoch, evaluations
and the best checkpoint, in float64. Evaluations and writes are slowed down,
so that they are met. What is killed is resumed, and maybe killed again, until
it ends as one that nothing has disturbed; then the next begins.
"""
import argparse
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, List

import mmengine._strategy.base
import mmengine.runner.runner
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / 'tools'), str(_ROOT / 'tests'),
                str(_ROOT / 'tests' / 'test_tools')]
import train  # noqa: E402
from faulty_task import EVALUATED, write_faulty_task  # noqa: E402
from forked import Forked  # noqa: E402
from parallel_runs import free_port  # noqa: E402
from run_results import files, load, logged  # noqa: E402
from sharded_task import difference  # noqa: E402
from toy_task import write_toy_task  # noqa: E402

_MORE = EVALUATED + '''
optim_wrapper.update(accumulative_counts=4)
custom_hooks.append(dict(type='mmengine.Place'))
'''
_BY_ITERATION = '''
default_hooks['checkpoint'].update(by_epoch=False, interval=4)
'''
_LOOP = _BY_ITERATION + '''
train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=18, val_interval=4)
default_hooks['logger'].update(log_metric_by_epoch=False)
log_processor = dict(by_epoch=False)
train_dataloader['sampler'] = dict(type='InfiniteSampler', shuffle=True)
'''
_SHARDED = '''
env_cfg = dict(dist_cfg=dict(backend='gloo'))
runner_type = 'mmconvnextv2.ShardedRunner'
strategy = dict(
    type='mmconvnextv2.ShardedStrategy',
    units=['mmconvnextv2.ConvNeXtV2Block'])
'''
# By name: number of processes, more of the config, the largest difference.
KINDS = {
    'one': (1, '', 0.),
    'seldom saved': (1, "default_hooks['checkpoint'].update(interval=2)", 0.),
    'iterations': (1, _LOOP, 0.),
    'saved by iteration': (1, _BY_ITERATION, 0.),
    # Of gradients that wait for an update, the mean of both is saved.
    'two': (2, '', 1e-12),
    'two iterations': (2, _LOOP, 1e-12),
    'sharded': (2, _SHARDED, 0.),
}
_PARTS = ['state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers']
# Who gets which signal, a scheduler's more often than a user's.
_WAYS = [('all', signal.SIGKILL), ('one', signal.SIGKILL),
         ('all', signal.SIGTERM), ('one', signal.SIGTERM),
         ('all', signal.SIGINT)]


@HOOKS.register_module(force=True)
class Place(Hook):
    """Note where the run is, and take some time for it."""

    priority = 'VERY_LOW'

    def after_val_epoch(self, runner: Any, **_: Any) -> None:
        Path('place').write_text('training')

    def before_val_epoch(self, runner: Any) -> None:
        Path('place').write_text('evaluation')

    def _after_iter(self, runner: Any, *_: Any, **__: Any) -> None:
        time.sleep(0.03)


class Run:
    """The processes of a run; how they have ended.

    Args:
        processes (list[Forked]): One for each rank.
    """

    def __init__(self, processes: List[Forked]) -> None:
        self.processes = processes
        self.codes: List[int] = []

    def wait(self) -> List[int]:
        """Wait for the end; returns the exit codes."""
        self.codes = self.codes or [
            x.wait(seconds=200).code for x in self.processes]
        return self.codes

    def wait_for_training(self) -> None:
        """Wait until training begins."""
        self.processes[0].wait_for('Checkpoints will be saved', 200)

    def read(self) -> str:
        """Read the ends of the outputs."""
        return '\n'.join(x.log.read_text()[-3000:] for x in self.processes)


def _require(is_right: bool, otherwise: str) -> None:
    if not is_right:
        raise SystemExit(otherwise)


def _work(arguments: List[str]) -> int:
    torch.set_default_dtype(torch.float64)
    logging.disable(logging.NOTSET)
    return train.main(arguments)


def start(number: int, work_dir: str, *options: str) -> Run:
    """Begin a run of small.py in processes that share nothing but gloo."""
    Path('place').write_text('training')
    shared = dict(WORLD_SIZE=str(number), MASTER_ADDR='127.0.0.1',
                  MASTER_PORT=free_port(), CUDA_VISIBLE_DEVICES='')
    launcher = ['--launcher', 'pytorch'] if number > 1 else []
    return Run([
        Forked(_work, ['small.py', '--work-dir', work_dir, *launcher,
                       *options], 'slow', name=f'{work_dir}_{rank}.txt',
               RANK=str(rank), LOCAL_RANK=str(rank), **shared)
        for rank in range(number)])


def _kill(run: Run, moments: random.Random, length: float) -> str:
    """Kill a run; returns in which way, or nothing if it was too late."""
    run.wait_for_training()
    time.sleep(moments.uniform(0, length))
    who, name = moments.choice(_WAYS)
    for process in run.processes if who == 'all' else [
            moments.choice(run.processes)]:
        os.kill(process.pid, name)
    codes = set(run.wait())
    # One of two may have ended, or not begun to train; what one alone is told
    # in an evaluation is a loss to the other.
    expected = {0, 1, -9} if name == signal.SIGKILL else {
        0, 75, *[1] * (who == 'one'), *[-name] * (len(run.processes) > 1)}
    _require(codes == {0} or codes <= expected,
             f'{name.name} to {who} led to {codes}: {run.read()}')
    return '' if codes == {0} else f'{name.name} to {who}'


def _compare(whole: str, work_dir: str, most: float) -> float:
    """Require equal ends; returns the largest difference of two numbers."""
    names = files(whole)
    _require(files(work_dir) == names, f'{files(work_dir)}, not {names}')
    largest = 0.
    for name in (names[0], names[-1]):  # the best one and the last
        paths = [f'{x}/{name}' for x in (whole, work_dir)]
        largest = max(largest, difference(
            *paths, _PARTS if name == names[-1] else ['state_dict']))
        saved = [load(x) for x in paths]
        counts = [(x['meta']['epoch'], x['meta']['iter'],
                   x['message_hub']['runtime_info'].get('best_score'))
                  for x in saved]
        _require(counts[0] == counts[1], f'{name}: {counts}')
    _require(largest <= most, f'{work_dir} differs by {largest}')
    for keys in (['accuracy'], ['loss', 'lr']):
        first, second = (logged(x, *keys) for x in (whole, work_dir))
        torch.testing.assert_close(first, second, rtol=0, atol=most)
        _require(len(first) > 0, f'{keys} are not logged')
    return largest


def _disturb(kind: str, work_dir: str, moments: random.Random, length: float,
             number: int, places: Counter) -> Counter:
    """Train until the end, with so many kills at most; count their ways."""
    ways: Counter = Counter()
    while True:
        run = start(KINDS[kind][0], work_dir, '--resume')
        is_last = sum(ways.values()) == number
        way = '' if is_last else _kill(run, moments, length)
        if not way:
            _require(set(run.wait()) == {0}, run.read())
            return ways
        ways[way] += 1
        is_writing = any(x.endswith('.part') for x in files(work_dir))
        places['writing' if is_writing else Path('place').read_text()] += 1


def kill_runs(kind: str, number: int, moments: random.Random) -> None:
    """Kill runs of a kind so often, and print what came of it."""
    processes, more, most = KINDS[kind]
    write_faulty_task(Path(), _ROOT / 'configs/_base_/default_runtime.py',
                      more=_MORE + more)
    run = start(processes, 'whole')
    run.wait_for_training()
    since = time.monotonic()
    _require(set(run.wait()) == {0}, run.read())
    length = time.monotonic() - since
    ways, places, rounds, largest = Counter(), Counter(), 0, 0.
    while (left := number - sum(ways.values())):
        rounds += 1
        ways += _disturb(kind, f'w{rounds}', moments, length, left, places)
        largest = max(largest, _compare('whole', f'w{rounds}', most))
    print(f'| {kind} | {processes} | {number} | {rounds} | {_list(places)} | '
          f'{_list(ways)} | {largest:.1g} |', flush=True)


def _list(counts: Counter) -> str:
    return ', '.join(f'{n} {what}' for what, n in sorted(counts.items()))


def main() -> None:
    """Kill runs of several kinds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('kinds', nargs='*', default=list(KINDS))
    parser.add_argument('--number', type=int, default=100)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    # It asks compilers for their versions, for a second or more.
    for module in (mmengine.runner.runner, mmengine._strategy.base):
        module.collect_env = dict
    print('| run | processes | kills | runs | within | by | difference |'
          '\n|---|---|---|---|---|---|---|')
    for i, kind in enumerate(args.kinds):
        number = args.number * (i + 1) // len(args.kinds) - \
            args.number * i // len(args.kinds)
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            write_toy_task(Path(folder))
            kill_runs(kind, number, random.Random(f'{args.seed} {kind}'))
            os.chdir(_ROOT)


if __name__ == '__main__':
    main()
