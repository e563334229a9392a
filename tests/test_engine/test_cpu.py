"""Several processes, SyncBN and freed memory on a machine without a GPU.

Mixed precision is in test_tools/test_train.py, runs in test_train_parallel*.
"""
import copy
import os
import subprocess
import sys
import time

import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS, DefaultScope
from processes import run_processes
from torch import nn

from mmconvnextv2.config.find import find_config
from mmconvnextv2.engine import cpu

_FAULTS = '''
import resource, torch
from mmconvnextv2.engine.cpu import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
print([faults() for _ in range(5)][-1])
'''


@pytest.mark.skipif('CS_GNU_LIBC_VERSION' not in os.confstr_names,
                    reason='is about glibc')
@pytest.mark.parametrize('variables, is_kept', [
    ({}, True), (dict(MALLOC_ARENA_MAX='2'), True),
    (dict(MALLOC_MMAP_THRESHOLD_='131072'), False),
    (dict(GLIBC_TUNABLES='glibc.malloc.mmap_threshold=131072'), False)])
def test_freed_memory_is_used_again(variables, is_kept):
    others = {k: v for k, v in os.environ.items() if
              'MALLOC_' not in k and k != 'GLIBC_TUNABLES'}
    done = subprocess.run(
        [sys.executable, '-c', _FAULTS], env={**others, **variables},
        capture_output=True, text=True)
    # 64 MiB are 16384 pages, or 32 huge ones.
    faults = int(done.stdout.split()[-1])
    assert faults < 10 if is_kept else faults >= 32


class _Model(BaseModel):

    def __init__(self):
        super().__init__()
        self.norm = nn.SyncBatchNorm(2)

    def forward(self, inputs, mode):
        return dict(loss=self.norm(inputs).sum())


def _work(rank):
    torch.distributed.init_process_group('gloo')
    model = cpu.CPUDataParallel(_Model(), broadcast_buffers=False)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.))
    images = torch.tensor([[0., 1.], [2., 5.]]) * 10**rank
    losses = model.train_step(dict(inputs=images), wrapper)
    return model.module.state_dict(), list(losses)


def test_running_statistics_are_averaged(tmp_path):
    # From 0 and 1, a tenth of the way to the batch's mean and variance.
    means, variances = [1., 3.], [2., 8.]
    for state, losses in run_processes(_work, tmp_path):
        assert losses == ['loss']
        torch.testing.assert_close(
            state['norm.running_mean'],
            torch.tensor([0.1 * x * (1 + 10) / 2 for x in means]))
        torch.testing.assert_close(
            state['norm.running_var'],
            torch.tensor([0.9 + 0.1 * x * (1 + 100) / 2 for x in variances]))
        assert state['norm.num_batches_tracked'] == 1
        assert state['norm.weight'].tolist() == [1, 1]


def _wait_for_one_that_hangs(rank):
    cfg = Config(dict(launcher='pytorch',
                      env_cfg=dict(dist_cfg=dict(timeout=2))))
    cpu.join_processes_on_cpu(cfg, lambda text: None)
    begin = time.monotonic()
    if rank == 0:
        with pytest.raises(RuntimeError):
            torch.distributed.all_reduce(torch.zeros(1))
        return time.monotonic() - begin
    time.sleep(5)


def test_the_time_limit_of_the_config_counts(tmp_path):
    # Gloo's is 30 minutes.
    waited, _ = run_processes(_wait_for_one_that_hangs, tmp_path, seconds=60)
    assert 1.9 < waited < 5


@pytest.mark.parametrize('device, launcher, model_wrapper', [
    ('cpu', 'pytorch', 'CPUDataParallel'), ('cuda', 'pytorch', None),
    ('cpu', 'none', None)])
def test_processes_join_on_cpu_only(monkeypatch, device, launcher,
                                    model_wrapper):
    monkeypatch.setattr(cpu, 'get_device', lambda: device)
    monkeypatch.setattr('torch.distributed.is_initialized', lambda: True)
    cfg, said = Config(dict(launcher=launcher)), []
    cpu.join_processes_on_cpu(cfg, said.append)
    assert cfg.get('model_wrapper_cfg', {}).get('type') == model_wrapper
    assert said == [] if model_wrapper is None else said == [
        'No GPU found: the processes run on the CPU and meet over gloo; '
        'SyncBN, where there is any, is BN of the images of each.']


def test_amp_wrapper_trains_in_bfloat16():
    model = nn.Linear(4, 2)
    wrapper = cpu.CPUAmpOptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    with wrapper.optim_context(model):
        y = model(torch.ones(3, 4))
    assert y.dtype == torch.bfloat16
    before = model.bias.detach().clone()
    wrapper.update_params(y.float().sum())
    torch.testing.assert_close(model.bias.detach(), before - 0.3)
    assert not torch.is_autocast_enabled('cpu')


def test_devices_that_take_mixed_precision(monkeypatch):
    monkeypatch.setattr(cpu, 'has_fast_bf16', lambda: True)
    said = []
    assert cpu.takes_amp(said.append, 'cpu')
    assert said == ['No GPU in use: mixed precision is bfloat16.']
    assert cpu.takes_amp(said.append, 'cuda:1') and len(said) == 1


def _detector(name):
    cfg = Config.fromfile(find_config(name))
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(cfg.model)


def _type(found):
    return found[0].dtype if isinstance(found, tuple) else found.dtype


def test_detectors_compute_in_bfloat16_around_operators_of_mmcv():
    torch.manual_seed(0)
    model, seen = _detector('maskrcnn_convnextv2_a_shapes'), set()
    data = demo_mm_inputs(1, [(3, 64, 64)], num_classes=5, num_items=[2],
                          with_mask=True)
    parts = [model.backbone.stages[3], model.neck.fpn_convs[0],
             model.rpn_head.rpn_cls, model.roi_head.bbox_head.fc_reg,
             model.roi_head.mask_head.upsample]
    for part in parts:
        part.register_forward_hook(lambda x, _, y: seen.add((x, _type(y))))
    losses = {}
    for kind in (OptimWrapper, cpu.CPUAmpOptimWrapper):
        torch.manual_seed(1)
        wrapper = kind(torch.optim.SGD(model.parameters(), 0.))
        losses[kind] = model.train_step(copy.deepcopy(data), wrapper)
    half, full = losses[cpu.CPUAmpOptimWrapper], losses[OptimWrapper]
    assert len(seen) == 2 * len(parts)
    for name, loss in full.items():
        if name.startswith('loss'):
            assert half[name].dtype == torch.float32
            assert 0 < abs(half[name] - loss) < 0.02 * loss + 1e-4, name
    assert not any('forward' in vars(m) for m in model.modules())


def test_predictions_of_detectors_are_in_float32():
    torch.manual_seed(0)
    model = _detector('cascade_maskrcnn_convnextv2_a_shapes').eval()
    own = model.forward = lambda *args, **kw: type(model).forward(
        model, *args, **kw)
    model.test_cfg.rcnn.score_thr = 0.
    data = demo_mm_inputs(1, [(3, 64, 64)], num_classes=5)
    full, = model.test_step(copy.deepcopy(data))
    with torch.autocast('cpu', torch.bfloat16), cpu.spared_operators(model):
        half, = model.test_step(copy.deepcopy(data))
    assert model.forward is own
    boxes = half.pred_instances.bboxes
    assert boxes.dtype == torch.float32 and len(boxes) == 30
    assert not torch.equal(boxes, full.pred_instances.bboxes)


def test_other_models_and_unwanted_contexts_change_nothing():
    for model, wanted in ((_detector('maskrcnn_convnextv2_a_shapes'), False),
                          (nn.Sequential(nn.Linear(1, 1)), True)):
        with cpu.spared_operators(model, wanted):
            assert not any('forward' in vars(m) for m in model.modules())
