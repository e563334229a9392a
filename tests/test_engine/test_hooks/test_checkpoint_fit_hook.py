"""What fits a model; how the tools tell it is in test_tools."""
import logging
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.engine.hooks.checkpoint_fit_hook import CheckpointFitHook

_ARCH = dict(depths=[1, 2], channels=[4, 8])


class Averaging(BaseTTAModel):
    merge_preds = forward = None


class Model(nn.Module):

    def __init__(self, arch=None, head=2, **backbone):
        super().__init__()
        self.backbone = ConvNeXtV2(arch or _ARCH, **backbone)
        self.head = nn.Linear(8, head)


class Renaming(nn.Module):
    """Takes over the name that its weight had before."""

    def __init__(self):
        super().__init__()
        self.new = nn.Parameter(torch.zeros(2))

    def _load_from_state_dict(self, state_dict, prefix, metadata, *args):
        if metadata.get('version') is None:
            state_dict[f'{prefix}new'] = state_dict.pop(f'{prefix}old')
        super()._load_from_state_dict(state_dict, prefix, metadata, *args)


def refusal(model, checkpoint, use='train', classes=None, says=None,
            hooks=()):
    """The reason for which a checkpoint is refused, None if it is not."""
    runner = SimpleNamespace(
        model=model, hooks=hooks, _load_from='w.pth',
        logger=logging.Logger('stand-in'), _resume=use == 'resume',
        param_schedulers=None,
        optim_wrapper=SimpleNamespace(state_dict=dict),
        _train_loop={} if use == 'test' else
        EpochBasedTrainLoop.__new__(EpochBasedTrainLoop))
    loader = SimpleNamespace(dataset=SimpleNamespace(
        metainfo=dict(classes=classes)))
    if use == 'test':
        runner._test_loop = SimpleNamespace(dataloader=loader)
        runner.logger.warning = says or runner.logger.warning
    else:
        runner._train_loop.dataloader = loader
    try:
        CheckpointFitHook().after_load_checkpoint(runner, checkpoint)
    except CheckpointError as error:
        return str(error)
    return None


def run_of(state):
    return dict(
        state_dict=state, meta=dict(epoch=1, iter=2), message_hub=dict(
            log_scalars={}, runtime_info={}, resumed_keys={}),
        optimizer=dict(state={}, param_groups=[]))


@pytest.mark.parametrize('use', ['train', 'resume', 'test'])
def test_its_own_checkpoint_fits(use):
    state = Model().state_dict()
    assert refusal(Model(), run_of(state), use) is None
    if use == 'resume':
        assert refusal(Model(), dict(state_dict=state), use) == (
            "w.pth cannot be resumed from: it lacks a run's meta and "
            'message_hub and optimizer, found state_dict. To begin a run with '
            'its weights: --cfg-options load_from=w.pth without --resume')
    else:
        assert refusal(Model(), state, use) is None
    # Of a model in DistributedDataParallel.
    wrapped = OrderedDict((f'module.{k}', v) for k, v in state.items())
    assert refusal(Model(), run_of(wrapped), use) is None


def test_training_takes_the_backbone_of_another_task():
    whole = Model().state_dict()
    state = {k: v for k, v in whole.items() if 'head' not in k}
    assert refusal(Model(head=5), dict(state_dict=state)) is None
    # Or a head alone.
    head = {k: v for k, v in whole.items() if 'head' in k}
    assert refusal(Model(), dict(state_dict=head)) is None
    assert refusal(Model(head=5), dict(state_dict=whole)) is None
    # Not with one tensor of it cut off.
    del state['backbone.stages.1.0.norm.bias']
    assert 'missing (1): stages.1.0.norm.bias' in refusal(
        Model(head=5), dict(state_dict=state))


def test_training_takes_a_backbone_without_output_norms():
    state = {k: v for k, v in Model().state_dict().items() if 'norm1' not in k}
    assert len(state) == len(Model().state_dict()) - 2
    assert refusal(Model(), dict(state_dict=state)) is None
    assert 'missing (2): backbone.norm1.weight' in refusal(
        Model(), dict(state_dict=state), 'test')


@pytest.mark.parametrize('arch, channels, difference, way', [
    (dict(depths=[1, 2], channels=[6, 8]), 3, '  of another size (17): '
     'downsample_layers.0.0.weight (6, 3, 4, 4) where (4, 3, 4, 4) is', ''),
    (dict(depths=[1, 1], channels=[4, 8]), 3, '  missing (10): stages.1.1.',
     'allow_partial'),
    (dict(depths=[1, 3], channels=[4, 8]), 3, '  unexpected (10): stages.1.2.',
     'allow_partial'),
    (_ARCH, 4, '  of another size (1): downsample_layers.0.0.weight (4, 4, 4, '
     '4) where (4, 3, 4, 4) is expected', 'adapt_stem'),
    (dict(depths=[1, 2], channels=[6, 8]), 1, '  of another size (17): ', ''),
])
def test_training_takes_no_part_of_a_backbone(arch, channels, difference, way):
    message = refusal(Model(), dict(
        state_dict=Model(arch, in_channels=channels).state_dict()))
    start, _, end = message.partition('\nChoose the config of the same size.')
    assert start.startswith(
        f"w.pth is of another backbone than the config's:\n{difference}")
    assert end == (way and ' Or, instead of load_from: init_cfg=dict(type='
                   f"'Pretrained', checkpoint=..., {way}=True) of the "
                   'backbone.')


def test_training_from_nothing():
    message = refusal(Model(), dict(model={'stem.weight': torch.ones(1)}))
    assert message.startswith(
        'nothing of w.pth fits the model of the config: it has nothing, the '
        'model has backbone.')
    # A tensor of the same name and another size is nothing, too.
    message = refusal(Model(), {'head.bias': torch.ones(3)})
    assert 'it has head.bias, the model has' in message


@pytest.mark.parametrize('use, first_word', [('test', 'Test'),
                                             ('resume', 'Resume')])
def test_all_weights_are_needed(use, first_word):
    message = refusal(Model(), run_of(Model(head=3).state_dict()), use)
    assert message == (
        'w.pth does not hold the model of the config:\n'
        '  of another size (2): head.weight (3, 8) where (2, 8) is expected, '
        'head.bias (3,) where (2,) is expected\n'
        f'{first_word} with the config that it was trained with; '
        'tools/convert_checkpoint.py translates weights of other code bases.')


def test_more_than_the_model_is_enough_to_test_but_not_to_resume():
    state = dict(Model().state_dict(), other=torch.ones(1))
    assert refusal(Model(), run_of(state), 'test') is None
    assert '\n  unexpected (1): other\n' in refusal(
        Model(), run_of(state), 'resume')


def test_names_that_modules_take_over():
    renamed = dict(state_dict={'old': torch.ones(2)})
    assert refusal(Renaming(), renamed, 'test') is None
    # Taken over, and still of another size.
    assert 'missing (1): new' in refusal(
        Renaming(), dict(state_dict={'old': torch.ones(3)}), 'test')


def test_counters_may_be_missing_and_statistics_not():
    model = nn.BatchNorm2d(2)
    state = model.state_dict()
    del state['num_batches_tracked']
    assert refusal(model, run_of(state), 'resume') is None
    del state['running_var']
    assert '\n  missing (1): running_var\n' in refusal(
        model, run_of(state), 'resume')


def test_model_to_augment_at_test_time():
    whole = Averaging.__new__(Averaging)
    nn.Module.__init__(whole)
    whole.module = Model()
    assert refusal(whole, run_of(Model().state_dict()), 'test') is None
    assert 'missing (2): head.weight, head.bias' in refusal(
        whole, {k: v for k, v in Model().state_dict().items()
                if 'head' not in k}, 'test')


@pytest.mark.parametrize('value, reason', [
    (torch.tensor([1, torch.nan]), 'w.pth: the weights module.head.bias are '
     'not a number (NaN) in 1 of 2 places'),
    (torch.ones(2).int(), 'w.pth: head.bias is of torch.int32, where '
     'torch.float32 is expected'),
    (None, 'w.pth does not hold the model of the config:\n'
     '  missing (1): head.bias\n'),
])
def test_averages(value, reason):
    average = {f'module.{k}': x for k, x in Model().state_dict().items()}
    content = dict(run_of(Model().state_dict()), ema_state_dict=dict(
        average, steps=torch.tensor(3)))
    averaging = [SimpleNamespace(ema_model=None)]
    assert refusal(Model(), content, 'resume', hooks=averaging) is None
    content['ema_state_dict']['module.head.bias'] = value
    if value is None:
        del content['ema_state_dict']['module.head.bias']
    assert refusal(Model(), content, 'resume') is None  # not used
    for use in ('resume', 'test'):
        assert refusal(Model(), content, use, hooks=averaging).startswith(
            reason)


def test_it_comes_after_all_other_hooks():
    """It sees what they make of a checkpoint."""
    runner = SimpleNamespace(_hooks=[])
    Runner.register_hook(runner, CheckpointFitHook())
    Runner.register_hook(runner, Hook(), 'VERY_LOW')
    assert isinstance(runner._hooks[-1], CheckpointFitHook)


@pytest.mark.parametrize('use', ['train', 'resume', 'test'])
def test_order_of_classes(use):
    checkpoint, said = run_of(Model().state_dict()), []

    def check(*classes):
        return refusal(Model(), checkpoint, use, classes, said.append)

    assert check('cat', 'dog') is None
    checkpoint['meta']['dataset_meta'] = dict(classes=['cat', 'dog'])
    assert check('cat', 'dog') is None and said == []
    assert check('dog', 'cat') == (
        'w.pth was trained on the same classes in another order: cat, dog; '
        'against dog, cat in the config. Order metainfo.classes of the config '
        'as they were')
    assert check('dog', 'emu') is None
    assert said == (use == 'test') * [
        'w.pth was trained on the classes cat, dog; those of the config are '
        'dog, emu.']
