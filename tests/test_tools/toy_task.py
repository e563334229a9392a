"""A task that starts in seconds, with MMEngine alone, for the tools' tests."""
from pathlib import Path
from typing import Dict, List, Optional, Union

import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from torch import Tensor, nn

_CONFIG = '''
custom_imports = dict(
    imports=['mmconvnextv2', 'toy_task'], allow_failed_imports=False)
model = dict(
    type='ToyClassifier',
    backbone=dict(
        type='mmconvnextv2.ConvNeXtV2',
        arch=dict(depths=[1, 1], channels=[4, 8])))
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='ToyDataset', data_root='data/toy', ann_file='labels.txt'))
val_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ToyDataset', data_root='data/toy', ann_file='labels.txt'))
test_dataloader = val_dataloader
val_evaluator = dict(type='ToyAccuracy')
test_evaluator = val_evaluator
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(enable=False, base_batch_size=4)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint_fit=dict(type='mmconvnextv2.CheckpointFitHook'))
'''


def write_toy_task(folder: Path, with_data: bool = True) -> Path:
    """Write the config, and 4 labels beside it; returns the config."""
    if with_data:
        (folder / 'data' / 'toy').mkdir(parents=True)
        (folder / 'data' / 'toy' / 'labels.txt').write_text('0\n1\n0\n1\n')
    config = folder / 'toy.py'
    config.write_text(_CONFIG)
    return config


@DATASETS.register_module(force=True)
class ToyDataset(BaseDataset):
    """Images of noise, brighter for label 1."""

    def load_data_list(self) -> List[dict]:
        lines = Path(self.ann_file).read_text().split()
        return [dict(label=int(line)) for line in lines]

    def prepare_data(self, idx: int) -> Dict[str, Tensor]:
        label = self.get_data_info(idx)['label']
        noise = torch.Generator().manual_seed(idx)
        image = torch.rand(3, 16, 16, generator=noise) + label
        return dict(inputs=image, labels=torch.tensor(label))


@MODELS.register_module(force=True)
class ToyClassifier(BaseModel):
    """A backbone and a linear layer for two classes."""

    def __init__(self,
                 backbone: dict,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.head = nn.Linear(8, 2)

    def forward(self,
                inputs: List[Tensor],
                labels: Optional[List[Tensor]] = None,
                mode: str = 'tensor') -> Union[Dict[str, Tensor], List[dict]]:
        scores = self.head(self.backbone(torch.stack(inputs))[-1])
        if mode == 'loss':
            loss = nn.functional.cross_entropy(scores, torch.stack(labels))
            return dict(loss=loss)
        return [
            dict(pred=int(score.argmax()), label=int(label))
            for score, label in zip(scores, labels)
        ]


@METRICS.register_module(force=True)
class ToyAccuracy(BaseMetric):
    """Share of correct labels."""

    def process(self, data_batch: dict, data_samples: List[dict]) -> None:
        self.results += [x['pred'] == x['label'] for x in data_samples]

    def compute_metrics(self, results: List[bool]) -> Dict[str, float]:
        return dict(accuracy=sum(results) / len(results))
