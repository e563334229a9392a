#!/usr/bin/env bash
# MMEngine: a run resumed for more epochs keeps the old schedule, silently.
#
# Behaviour: onedl-mmengine 0.10.12 saves all attributes of a schedule, its end
# among them, and on resuming restores them over those of the config. Training 4
# epochs with CosineAnnealingLR(T_max=4), then resuming with max_epochs=8 and
# T_max=8, runs epochs 5 to 8 at the rate that the old schedule ended with. No
# message says so.
# Output seen:
#   8 epochs at once: [1.0, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038]
#   4 epochs, resumed to 8: [1.0, 0.854, 0.5, 0.146, 0.146, 0.146, 0.146, 0.146]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.2.6 addict==2.4.0 \
    matplotlib==3.11.2 opencv-python-headless==4.12.0.88 pyyaml==6.0.3 \
    rich==15.0.0 termcolor==3.3.0 yapf==0.43.0
"$folder/venv/bin/pip" install -q --no-deps onedl-mmengine==0.10.12
cat > "$folder/resume.py" <<'PY'
import tempfile

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import TensorDataset


class Toy(BaseModel):

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, *inputs, mode='tensor'):
        return dict(loss=self.linear(torch.ones(4, 1)).square().mean())


class Rates(Hook):

    def __init__(self):
        self.rates = []

    def before_train_epoch(self, runner):
        self.rates.append(round(runner.optim_wrapper.get_lr()['lr'][0], 3))


def train(folder, epochs, resume=False):
    runner = Runner(
        Toy(),
        folder,
        train_dataloader=dict(
            dataset=TensorDataset(torch.ones(4, 1)),
            batch_size=4,
            sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
        param_scheduler=dict(type='CosineAnnealingLR', T_max=epochs),
        resume=resume,
        experiment_name=f'of_{epochs}_epochs_{resume}',
        log_level='ERROR')
    rates = Rates()
    runner.register_hook(rates)
    runner.train()
    return rates.rates


with tempfile.TemporaryDirectory() as folder:
    whole = train(f'{folder}/whole', 8)
    parts = train(f'{folder}/parts', 4) + train(f'{folder}/parts', 8, True)
print('8 epochs at once:', whole)
print('4 epochs, resumed to 8:', parts)
assert whole == [1.0, 0.962, 0.854, 0.691, 0.5, 0.309, 0.146, 0.038]
assert parts == [1.0, 0.854, 0.5] + [0.146] * 5
print('still so')
PY
cd "$folder" && venv/bin/python resume.py
