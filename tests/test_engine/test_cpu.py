"""SyncBN on a machine without a GPU; the rest is in the tools' tests."""
import pytest
from mmengine.config import Config

from mmconvnextv2.engine import cpu

_SAID = ('No GPU found: BN in the place of SyncBN, so each process takes the '
         'statistics of its own images; the running ones are averaged.')
_HOOK = dict(type='mmconvnextv2.AverageBuffersHook')


@pytest.fixture
def cfg():
    norm = dict(type='SyncBN', requires_grad=True)
    return Config(
        dict(
            launcher='pytorch',
            model=dict(
                type='SegTTAModel',
                module=dict(
                    decode_head=dict(norm_cfg=norm),
                    auxiliary_head=[
                        dict(norm_cfg=dict(type='MMSyncBN')),
                        dict(norm_cfg=dict(type='GN', num_groups=8))
                    ]))))


@pytest.fixture
def join(monkeypatch):
    """Function that joins on a device; returns what was said."""

    def run(cfg, device):
        monkeypatch.setattr(cpu, 'get_device', lambda: device)
        monkeypatch.setattr('torch.distributed.is_initialized', lambda: True)
        said = []
        cpu.join_processes_on_cpu(cfg, said.append)
        return said

    return run


def test_processes_on_cpu_have_no_sync_bn(cfg, join):
    cfg.custom_hooks = [dict(type='EMAHook')]
    assert join(cfg, 'cpu')[1] == _SAID
    assert cfg.custom_hooks == [dict(type='EMAHook'), _HOOK]
    module = cfg.model.module
    assert module.decode_head.norm_cfg == dict(type='BN', requires_grad=True)
    assert [x.norm_cfg.type for x in module.auxiliary_head] == ['BN', 'GN']


def test_bn_that_the_runner_would_synchronise_stays_bn(cfg, join):
    cfg.model = dict(type='MaskRCNN', norm_cfg=dict(type='BN'))
    cfg.sync_bn = 'torch'
    assert join(cfg, 'cpu')[1] == _SAID
    assert 'sync_bn' not in cfg and cfg.custom_hooks == [_HOOK]


def test_without_sync_bn_nothing_is_said_of_it(cfg, join):
    cfg.model = dict(type='EncoderDecoder', backbone=dict(type='X'))
    assert len(join(cfg, 'cpu')) == 1
    assert 'custom_hooks' not in cfg


@pytest.mark.parametrize('device, launcher', [('cuda', 'pytorch'),
                                              ('cpu', 'none')])
def test_others_keep_it(cfg, join, device, launcher):
    cfg.launcher, cfg.sync_bn = launcher, 'torch'
    before = cfg.to_dict()
    assert join(cfg, device) == []
    assert cfg.to_dict() == before
