"""A sharded step beside an unsharded one, clipped, by two processes."""
import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from processes import run_processes
from small_models import FCMAE, build_model, load_config, make_batch
from torch import nn
from torch.func import functional_call

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.engine import sharding
from mmconvnextv2.engine.sharding import (
    ShardedStrategy,
    check_strategy,
    gathered,
    whole_model,
)
from mmconvnextv2.errors import CommandError
from mmconvnextv2.models.layers import ConvNeXtV2Block

_UNITS = ['mmconvnextv2.ConvNeXtV2Block']
_OPTIM = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1., weight_decay=0.5),
    # By the number of dimensions.
    paramwise_cfg=dict(flat_decay_mult=0.),
    clip_grad=dict(max_norm=0.003))
_NUMBER = 4


def _model(masks):
    cfg = load_config(FCMAE)
    cfg.model.backbone.drop_path_rate = 0.
    model = build_model(cfg).float()
    model.draw_mask = lambda inputs: masks
    return cfg, model


def _data():
    torch.manual_seed(3)
    masks = torch.rand(_NUMBER, 4).argsort(1).view(_NUMBER, 2, 2) < 2
    return make_batch(_NUMBER)['inputs'].float(), masks


def _decays(wrapper, model):
    groups = {
        id(x): group['weight_decay']
        for group in wrapper.optimizer.param_groups for x in group['params']
    }
    return {k: groups[id(x)] for k, x in model.named_parameters()}


def _norm():
    return MessageHub.get_current_instance().get_scalar(
        'train/grad_norm').current()


def _prepared(folder, model, **options):
    strategy = ShardedStrategy(
        units=_UNITS, work_dir=str(folder),
        env_kwargs=dict(launcher='pytorch'), **options)
    strategy._init_model_weights = lambda model: model  # as they are
    strategy.prepare(model, optim_wrapper=dict(_OPTIM), dispatch_kwargs={})
    return strategy


def _work(folder):

    def work(rank):
        torch.distributed.init_process_group('gloo')
        images, masks = _data()
        cfg, model = _model(masks[rank::2])
        strategy = _prepared(folder, model)
        model, wrapper = strategy.model, strategy.optim_wrapper
        loss = model(images[rank::2], mode='loss')['loss']
        wrapper.update_params(loss)
        found = dict(
            loss=loss.item(),
            held=[x.to_local().numel() for x in model.parameters()],
            decays=_decays(wrapper, model),
            norm=_norm(),
            weights=gathered(model.state_dict(), everywhere=True),
            others=gathered(model.state_dict()),
            copied=gathered(copy.deepcopy(model).state_dict(), True))
        draws = torch.get_rng_state()
        with DefaultScope.overwrite_default_scope('mmpretrain'):  # a Runner's
            whole = whole_model(SimpleNamespace(model=model, cfg=cfg))
        found.update(
            same_draws=torch.get_rng_state().equal(draws),
            whole=dict(whole.float().state_dict()),
            mixed=_mixed(folder, images[rank::2], masks[rank::2]))
        return found

    return work


def _mixed(folder, images, masks):
    """Types and gradients where blocks compute in bfloat16."""
    strategy = _prepared(folder, _model(masks)[1], param_dtype='bfloat16')
    strategy.model(images, mode='loss')['loss'].backward()
    return {k: gathered(x.grad, True)
            for k, x in strategy.model.named_parameters()}


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp('strategy')
    return run_processes(_work(folder), folder)


@pytest.fixture(scope='module')
def plain():
    """The same step without sharding: weights, norm and decays."""
    images, masks = _data()
    _, model = _model(masks)
    wrapper = build_optim_wrapper(model, dict(_OPTIM))
    loss = model(images, mode='loss')['loss']
    wrapper.update_params(loss)
    return SimpleNamespace(
        loss=loss.item(), model=model, decays=_decays(wrapper, model),
        norm=_norm())


def test_each_process_holds_a_part(found, plain):
    total = sum(x.numel() for x in plain.model.parameters())
    parts = [sum(x['held']) for x in found]
    assert sum(parts) == total and max(parts) < 0.6 * total


def test_decay_is_that_of_the_whole_parameters(found, plain):
    assert found[0]['decays'] == found[1]['decays'] == plain.decays
    assert plain.decays['neck.pred.weight'] == 0.5
    assert plain.decays['neck.pred.bias'] == 0


def test_clipped_step_is_that_of_the_whole(found, plain):
    assert found[0]['norm'] == pytest.approx(plain.norm, rel=1e-5)
    assert plain.norm > 5 * 0.003  # It was clipped.
    mean = (found[0]['loss'] + found[1]['loss']) / 2
    assert mean == pytest.approx(plain.loss, rel=1e-6)
    for name, value in plain.model.state_dict().items():
        assert (found[0]['weights'][name] - value).abs().max() < 1e-6, name
    assert found[0]['weights'].keys() == plain.model.state_dict().keys()


def test_states_and_copies_are_gathered(found):
    for name, value in found[0]['weights'].items():
        assert value.equal(found[0]['others'][name])
        assert found[1]['others'][name] is None
        for copied in (x[key] for x in found
                       for key in ('weights', 'whole', 'copied')):
            assert value.equal(copied[name])
    assert list(found[0]['copied']) == list(found[0]['weights'])
    assert all(x['same_draws'] for x in found)


def _in_bfloat16(block):
    forward = block.forward

    def run(x, *args):
        block.forward = forward
        halves = {k: p.bfloat16() for k, p in block.named_parameters()}
        out = functional_call(block, halves, (x.bfloat16(), *args))
        block.forward = run
        return out.float()

    block.forward = run


def test_blocks_that_compute_in_bfloat16(found):
    images, masks = _data()
    _, model = _model(None)
    for block in model.modules():
        if isinstance(block, ConvNeXtV2Block):
            _in_bfloat16(block)
    for rank in range(2):
        model.draw_mask = lambda inputs, rank=rank: masks[rank::2]
        (model(images[rank::2], mode='loss')['loss'] / 2).backward()
    for name, parameter in model.named_parameters():
        value, expected = found[0]['mixed'][name], parameter.grad
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)


def test_plain_model_is_its_own_whole():
    model = nn.Linear(2, 2)
    assert whole_model(SimpleNamespace(model=model)) is model


def test_arguments_that_would_spoil_a_run(monkeypatch):
    with pytest.raises(ValueError, match="^strategy.param_dtype must be None, "
                       "'bfloat16' or 'float16', got 'bf16'$"):
        ShardedStrategy(units=_UNITS, param_dtype='bf16')
    with pytest.raises(ValueError, match="^strategy.units: found no 'NoBlock' "
                       'in the model, a Linear; the units of a ConvNeXtV2 '):
        sharding._find(nn.Linear(2, 2), 'NoBlock')
    monkeypatch.setattr(sharding, 'fully_shard', None)
    with pytest.raises(ImportError, match='^ShardedStrategy needs fully_shard '
                       'of PyTorch 2.6 or newer, found 2'):
        ShardedStrategy(units=_UNITS)


@pytest.mark.parametrize('changes, message', [
    (dict(launcher='none'),
     "^strategy.type='mmconvnextv2.ShardedStrategy' spreads the model over "
     'several processes: start them with bash tools/dist_train.sh CONFIG '),
    (dict(runner_type='Runner'),
     "^runner_type must be 'mmconvnextv2.ShardedRunner' for strategy.type="
     "'mmconvnextv2.ShardedStrategy', got 'Runner'$"),
    # It loads a checkpoint before EMA has a place for it.
    (dict(runner_type='FlexibleRunner'), ", got 'FlexibleRunner'$"),
    (dict(strategy='fsdp'), "^strategy must be a dict, got 'fsdp'$"),
    ({'strategy.type': 'FSDPStrategy'},
     "^strategy.type must be 'mmconvnextv2.ShardedStrategy' for FSDP: "
     "'FSDPStrategy' takes shards of weights for biases"),
])
def test_configs_that_would_be_ignored_or_train_wrongly(changes, message):
    cfg = Config.fromfile(configs_folder() / 'convnextv2_h_ft_fsdp_in1k.py')
    cfg.launcher = 'pytorch'
    check_strategy(cfg)
    cfg.merge_from_dict(changes)
    with pytest.raises(CommandError, match=message):
        check_strategy(cfg)
    cfg.strategy = None
    check_strategy(cfg)
