"""What is said of a config's strategy before anything is built."""
import re
import sys

import pytest
from mmengine.config import Config

from mmconvnextv2.cli import CommandError
from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.engine.strategy_checks import (
    drop_strategy,
    require_strategy,
    uses_deepspeed,
)

FSDP = 'convnextv2_h_ft_fsdp_in1k'
DEEPSPEED = 'fcmae_convnextv2_h_deepspeed_in1k'


def _load(name, **changes):
    cfg = Config.fromfile(configs_folder() / f'{name}.py')
    cfg.launcher = 'pytorch'
    cfg.merge_from_dict(changes)
    return cfg


@pytest.fixture(autouse=True)
def _no_deepspeed(monkeypatch):
    monkeypatch.setitem(sys.modules, 'deepspeed', None)


def _refused(cfg, message):
    with pytest.raises(CommandError, match=f'^{re.escape(message)}'):
        require_strategy(cfg)


def test_fsdp_is_accepted_and_names_its_runner():
    cfg = _load(FSDP)
    cfg.pop('runner_type')
    require_strategy(cfg)
    assert cfg.runner_type == 'FlexibleRunner'
    assert not uses_deepspeed(cfg)


def test_config_without_a_strategy_is_left_alone():
    cfg = _load('convnextv2_h_ft_in1k')
    before = cfg.to_dict()
    require_strategy(cfg)
    assert cfg.to_dict() == before


@pytest.mark.parametrize(
    'name', [DEEPSPEED, 'convnextv2_h_ft_deepspeed_in22k'])
def test_deepspeed_that_is_not_installed(name):
    assert uses_deepspeed(_load(name))
    _refused(
        _load(name), "strategy.type='DeepSpeedStrategy' needs DeepSpeed, "
        'which is not installed: pip install "deepspeed<=0.19.0"')


def test_deepspeed_that_is_too_new_for_mmengine(monkeypatch, tmp_path):
    (tmp_path / 'deepspeed').mkdir()
    (tmp_path / 'deepspeed' / '__init__.py').touch()
    monkeypatch.delitem(sys.modules, 'deepspeed')
    monkeypatch.syspath_prepend(tmp_path)
    _refused(
        _load(DEEPSPEED), "strategy.type='DeepSpeedStrategy': MMEngine "
        'imports the 1-bit optimizers of DeepSpeed, which the installed')
    fp16 = tmp_path / 'deepspeed' / 'runtime' / 'fp16'
    (fp16 / 'onebit').mkdir(parents=True)
    for name in list(sys.modules):
        if name.partition('.')[0] == 'deepspeed':
            monkeypatch.delitem(sys.modules, name)
    require_strategy(_load(DEEPSPEED))


def test_one_process_is_refused():
    cfg = _load(FSDP, launcher='none')
    _refused(
        cfg, "strategy.type='mmconvnextv2.ShardedStrategy' spreads the model "
        'over several processes: start them with bash tools/dist_train.sh')
    require_strategy(_load(FSDP, launcher='none', strategy=None))


@pytest.mark.parametrize('name, key, value, message', [
    (FSDP, 'runner_type', 'Runner',
     "runner_type must be 'FlexibleRunner' for strategy.type='mmconvnextv2.S"),
    (FSDP, 'strategy', 'fsdp', 'strategy must be a dict with a type, such as'),
    (FSDP, 'strategy.type', 'FSPDStrategy',
     "strategy.type must be the name of a strategy, such as 'mmconvnextv2.Sh"),
    (FSDP, 'strategy.model_warper', {},
     'strategy.model_warper is not an argument of mmconvnextv2.ShardedStrate'),
    (FSDP, 'strategy.type', 'FSDPStrategy',
     "strategy.type must be 'mmconvnextv2.ShardedStrategy' for FSDP, got 'FS"),
    (FSDP, 'custom_hooks', [dict(type='EMAHook')],
     'custom_hooks: EMAHook cannot copy a sharded model; take type='
     "'mmconvnextv2.ShardedEMAHook'"),
    (FSDP, 'optim_wrapper.type', 'DeepSpeedOptimWrapper',
     "optim_wrapper.type='DeepSpeedOptimWrapper' needs strategy.type='DeepSp"),
    (DEEPSPEED, 'optim_wrapper.type', 'AmpOptimWrapper',
     "optim_wrapper.type must be 'DeepSpeedOptimWrapper' for strategy.type='"),
    (DEEPSPEED, 'optim_wrapper.accumulative_counts', 2,
     'optim_wrapper.accumulative_counts: DeepSpeed takes it from strategy.gra'
     ),
    (DEEPSPEED, 'optim_wrapper.clip_grad', dict(max_norm=1),
     'optim_wrapper.clip_grad: DeepSpeed takes it from strategy.gradient_clip'
     ),
    (DEEPSPEED, 'auto_scale_lr.enable', True,
     'auto_scale_lr.enable: MMEngine does not scale the learning rate under '),
    (DEEPSPEED, 'custom_hooks', [dict(type='EMAHook')],
     'custom_hooks: the average of EMAHook is not in the checkpoints of Deep'),
    (DEEPSPEED, 'default_hooks.non_finite.max_skips', 3,
     'default_hooks.non_finite: under DeepSpeed, which keeps the gradients to '
     'itself, NonFiniteHook can only stop a run'),
    (DEEPSPEED, 'default_hooks.non_finite.exact', True,
     'default_hooks.non_finite: under DeepSpeed, which keeps the gradients to '
     ),
    (DEEPSPEED, 'strategy.zero_optimization.stage', 4,
     'strategy.zero_optimization.stage must be one of (0, 1, 2, 3), got 4'),
    (DEEPSPEED, 'strategy.gradient_accumulation_steps', 0,
     'strategy.gradient_accumulation_steps must be a positive integer, got 0'),
    (DEEPSPEED, 'strategy.fp16', dict(enabled=True),
     'strategy.fp16 and strategy.bf16 cannot both be enabled'),
    (DEEPSPEED, 'strategy.zero_optimisation', {},
     'strategy.zero_optimisation is not an argument of DeepSpeedStrategy, wh'),
])
def test_contradictions_name_their_key(name, key, value, message):
    cfg = _load(name)
    if isinstance(value, list) or key == 'strategy':
        cfg[key] = value
    else:
        cfg.merge_from_dict({key: value})
    _refused(cfg, message)


def test_wrapper_of_deepspeed_without_its_strategy():
    cfg = _load(DEEPSPEED, strategy=None)
    _refused(
        cfg, "optim_wrapper.type='DeepSpeedOptimWrapper' needs strategy.type="
        "'DeepSpeedStrategy', and the config has no strategy")


def test_evaluation_needs_no_strategy():
    cfg = _load(FSDP)
    drop_strategy(cfg)
    assert 'strategy' not in cfg and 'runner_type' not in cfg
    cfg = Config(dict(runner_type='Runner'))
    drop_strategy(cfg)
    assert cfg.runner_type == 'Runner'
