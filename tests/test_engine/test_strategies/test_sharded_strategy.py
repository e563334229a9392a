"""A sharded step beside an unsharded one, clipped, in float32."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.device import get_device
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from processes import run_processes
from small_models import FCMAE, build_model, load_config, make_batch
from torch import nn

from mmconvnextv2.engine.strategies import (
    ShardedStrategy,
    is_sharded,
    whole_model,
)
from mmconvnextv2.engine.strategies.sharding import whole_state

_WRAPPER = dict(
    auto_wrap_policy=dict(
        type='mmconvnextv2.wrap_modules',
        module_types=['mmconvnextv2.ConvNeXtV2Block']))
_OPTIM = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1., weight_decay=0.5),
    # By the number of dimensions, of which a shard has one.
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
    return {
        k.replace('_fsdp_wrapped_module.', ''): groups[id(x)]
        for k, x in model.named_parameters()
    }


def _work(folder):

    def work(rank):
        torch.distributed.init_process_group('gloo')
        images, masks = _data()
        cfg, model = _model(masks[rank::2])
        strategy = ShardedStrategy(
            work_dir=str(folder),
            model_wrapper=_WRAPPER,
            env_kwargs=dict(launcher='pytorch'))
        strategy._init_model_weights = lambda model: model  # as they are
        strategy.prepare(
            model, optim_wrapper=dict(_OPTIM), dispatch_kwargs={})
        model, wrapper = strategy.model, strategy.optim_wrapper
        held = [x.numel() for x in model.parameters()]
        dimensions = {x.ndim for x in model.parameters()}
        loss = model(images[rank::2], mode='loss')['loss']
        wrapper.update_params(loss)
        found = dict(
            loss=loss.item(),
            held=held,
            dimensions=dimensions,
            decays=_decays(wrapper, model),
            norm=MessageHub.get_current_instance().get_scalar(
                'train/grad_norm').current(),
            weights=whole_state(model, main_only=False),
            others=whole_state(model, main_only=True))
        _load_what_does_not_fit(strategy, found)
        runner = SimpleNamespace(model=model, cfg=cfg)
        draws = torch.get_rng_state()
        with DefaultScope.overwrite_default_scope('mmpretrain'):  # a Runner's
            whole = whole_model(runner)
            copies = whole_model(runner, main_only=True) is not None
        found.update(
            same_draws=torch.get_rng_state().equal(draws),
            sharded=is_sharded(model) and not is_sharded(whole),
            whole=dict(whole.float().state_dict()),
            copies=copies)
        return found

    return work


def _load_what_does_not_fit(strategy, found):
    warnings = []
    strategy.logger.warning = warnings.append
    state = dict(found['weights'])
    state['neck.pred.bias'] = torch.zeros(7)
    state['neck.other'] = state.pop('neck.proj.bias')
    strategy.load_model_state_dict(state)
    found['warnings'] = warnings


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
        loss=loss.item(),
        model=model,
        decays=_decays(wrapper, model),
        norm=MessageHub.get_current_instance().get_scalar(
            'train/grad_norm').current())


def test_each_process_holds_a_part(found, plain):
    total = sum(x.numel() for x in plain.model.parameters())
    parts = [sum(x['held']) for x in found]
    assert sum(parts) == total and max(parts) < 0.6 * total
    assert found[0]['dimensions'] == {1}


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
        assert value.equal(found[1]['weights'][name])
        assert value.equal(found[0]['others'][name])
    assert 'neck.pred.weight' not in found[1]['others']
    assert all(x['sharded'] and x['same_draws'] for x in found)
    assert [x['copies'] for x in found] == [True, False]
    for name, value in found[1]['whole'].items():
        assert value.equal(found[0]['weights'][name])


def test_weights_that_do_not_fit_are_named(found):
    assert found[0]['warnings'] == [
        'Loaded weights, of another shape: neck.pred.bias',
        'Loaded weights, not in the model: neck.other',
        'Loaded weights, missing: neck.proj.bias, neck.pred.bias',
    ]


@pytest.mark.parametrize('arguments, message', [
    (dict(state_dict_cfg='local'),
     "strategy.state_dict_cfg must be 'full', .* got 'local'"),
    (dict(model_wrapper=dict(use_orig_params=False)),
     'strategy.model_wrapper.use_orig_params must be True'),
])
def test_arguments_that_would_spoil_a_run(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShardedStrategy(**arguments)


def test_plain_model_is_its_own_whole():
    model = nn.Linear(2, 2)
    assert get_device() == 'cpu'
    assert whole_model(SimpleNamespace(model=model)) is model
