"""What runs of the faulty task leave behind, to compare."""
import json
from pathlib import Path
from typing import Dict, List

import torch


def load(path: str) -> dict:
    """Read a checkpoint of our own making."""
    return torch.load(path, weights_only=False)


def files(work_dir: str = 'w') -> List[str]:
    """Names of the checkpoints, complete and begun."""
    return sorted(x.name for x in Path(work_dir).iterdir()
                  if x.suffix in ('.pth', '.part'))


def trained(work_dir: str = 'w') -> List[str]:
    """A line for each iteration: its number and its images."""
    return (Path(work_dir) / 'trained.txt').read_text().splitlines()


def iterations(work_dir: str = 'w') -> List[int]:
    """Numbers of the iterations, from 0, as they were trained."""
    return [json.loads(line)[0] for line in trained(work_dir)]


def logged(work_dir: str, *keys: str) -> Dict[int, list]:
    """Numbers of the log by step, of the last run that has logged it."""
    found = {}
    for file in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        for line in map(json.loads, file.read_text().splitlines()):
            if all(key in line for key in keys):
                found[line['step']] = [line[key] for key in keys]
    return found


def assert_equal_end(first: str, second: str,
                     name: str = 'epoch_3.pth') -> None:
    """Check that model, average, optimizer and schedules are equal."""
    first, second = load(f'{first}/{name}'), load(f'{second}/{name}')
    assert first['state_dict'] and first['ema_state_dict']
    for run in (first, second):
        run['optimizer'] = run['optimizer']['state']
    for key in ('state_dict', 'ema_state_dict', 'optimizer'):
        torch.testing.assert_close(first[key], second[key], rtol=0, atol=0)
    assert first['param_schedulers'] == second['param_schedulers']
