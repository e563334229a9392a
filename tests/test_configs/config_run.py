"""Runs of tools/train.py in a folder outside the checkout, and their logs."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple, Union

import pytest

from mmconvnextv2.config.find import shipped_configs

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs'
LEAVES = {path.stem: path for path in shipped_configs().values()}
# For tests that take long: leaves that others share all parts with (ablations,
# rivals, steps; V1's larger sizes) are in the slow tests.
SOME_SLOW = [
    pytest.param(name, marks=[pytest.mark.slow] * bool(
        path.parent != CONFIGS or re.search('v1_(s|l|xl)_|v1_b_640', name)))
    for name, path in LEAVES.items()
]


def train(folder: Path, config: Union[str, Path], *options: str,
          **variables: Union[str, Path]) -> str:
    """Train a config in ``folder``; returns what was printed."""
    command = [sys.executable, ROOT / 'tools' / 'train.py', config]
    if options:
        command += ['--cfg-options', *options]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, 'OMP_NUM_THREADS': '1', **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def scalars(work_dir: Path) -> Tuple[List[dict], List[dict]]:
    """What a run logged: of training, and of evaluation."""
    file, = work_dir.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return ([x for x in lines
             if 'loss' in x], [x for x in lines if 'loss' not in x])
