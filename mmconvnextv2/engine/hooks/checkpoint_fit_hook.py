"""Refuse a checkpoint that is not of the config's model."""
import contextlib
from collections import OrderedDict
from collections.abc import Mapping

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mmconvnextv2.checkpoint import (
    CheckpointError,
    about,
    compare,
    describe_choice,
    record,
)
from mmconvnextv2.checkpoint.errors import Differences, blamed, check_numbers
from mmconvnextv2.models.backbones import ConvNeXtV2
from mmconvnextv2.registry import HOOKS, register
from mmconvnextv2.text import first_of, other_order

_STEM = 'downsample_layers.0.0.weight'


@register(HOOKS)
class CheckpointFitHook(Hook):
    """Refuse a checkpoint that is not of the config's model.

    MMEngine loads what fits, logs the rest, and goes on, with initial weights
    wherever the file is of another size or task. That is refused here. To test
    takes all weights; to resume takes them and no others, and the record of a
    run. Training from ``load_from`` may begin with part of a model, such as
    the backbone of another task, but not with part of a ``ConvNeXtV2``, save
    for its output norms, and not with nothing.

    Model wrappers other than ``DistributedDataParallel`` are not looked at.

    Raises:
        CheckpointError: When a checkpoint is loaded that is not as above.
    """

    priority = 'LOWEST'  # It sees what other hooks make of the checkpoint.

    def before_run(self, runner: Runner) -> None:
        """Blame the checkpoint for errors while it is loaded."""
        file = runner._load_from or 'The latest checkpoint'
        for name in ('load_checkpoint', 'resume'):
            setattr(runner, name, blamed(file)(getattr(runner, name)))

    def before_train(self, runner: Runner) -> None:
        """Check what the optimizer has taken from the checkpoint."""
        optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
        if runner._resume and not is_model_wrapper(runner.model) and optimizer:
            with about(runner._load_from or 'The latest checkpoint'):
                record.check_optimizer(optimizer)

    def after_load_checkpoint(self, runner: Runner,
                              checkpoint: Mapping) -> None:
        """Compare the checkpoint with the model that it is meant for."""
        file = runner._load_from or 'The latest checkpoint'
        model = runner.model
        while isinstance(model, (DistributedDataParallel, BaseTTAModel)):
            model = model.module
        if is_model_wrapper(model):
            return
        parts = 'meta', 'message_hub', 'state_dict', 'optimizer'
        absent = [x for x in parts if not checkpoint.get(x)]
        if runner._resume and absent:
            raise CheckpointError(
                f"{file} cannot be resumed from: it lacks a run's "
                f'{" and ".join(absent)}, found {first_of(checkpoint)}. To '
                'begin a run with its weights: --cfg-options '
                f'load_from={file} without --resume')
        if choice := not runner._resume and describe_choice(checkpoint):
            runner.logger.info(f'{file}: {choice}')
        with about(file):
            if runner._resume:
                record.check_record(checkpoint)
                _check_settings(runner, checkpoint)
            states = [_weights(checkpoint.get('state_dict', checkpoint))]
            if 'ema_state_dict' in checkpoint and any(
                    hasattr(x, 'ema_model') for x in runner.hooks):
                states.append(_weights(checkpoint['ema_state_dict']))
                states[1].pop('steps', None)
            for state in states:
                compare(model.state_dict(), state)  # the kinds of numbers
        for state in states:
            if runner._resume or not isinstance(runner._train_loop, BaseLoop):
                _require_all(model, state, file, runner._resume)
            else:
                _require_some(model, state, file)
        _compare_classes(runner, checkpoint.get('meta') or {}, file)


def _check_settings(runner: Runner, checkpoint: Mapping) -> None:
    """Check the kinds of what replaces settings of optimizer and schedules."""
    record.check_kinds(checkpoint['optimizer'],
                       runner.optim_wrapper.state_dict(), 'optimizer')
    ours = runner.param_schedulers
    if ours and 'param_schedulers' in checkpoint:
        record.check_kinds(
            checkpoint['param_schedulers'],
            {k: [x.state_dict() for x in v] for k, v in ours.items()}
            if isinstance(ours, dict) else [x.state_dict() for x in ours],
            'param_schedulers')


def _compare_classes(runner: Runner, meta: Mapping, file: str) -> None:
    """Refuse weights whose outputs mean the config's classes in turn."""
    given = isinstance(meta, Mapping) and meta.get('dataset_meta')
    saved = given.get('classes') if isinstance(given, Mapping) else None
    if not isinstance(saved, (list, tuple)):
        return
    for name in ('_train_loop', '_val_loop', '_test_loop'):
        loader = getattr(getattr(runner, name, None), 'dataloader', None)
        own = (getattr(loader and loader.dataset, 'metainfo', None)
               or {}).get('classes')
        if text := other_order(saved, own):
            raise CheckpointError(
                f'{file} was trained on the same classes in another order: '
                f'{text} in the config. Order metainfo.classes of the config '
                'as they were')
        if name == '_test_loop' and own and list(saved) != list(own):
            runner.logger.warning(
                f'{file} was trained on the classes {first_of(saved)}; those '
                f'of the config are {first_of(own)}.')


def _weights(given: Mapping) -> dict[str, Tensor]:
    if not isinstance(given, Mapping):
        raise CheckpointError('its state_dict must be a dict of tensors, '
                              f'found {type(given).__name__}')
    check_numbers(given)
    state = OrderedDict((str(name).removeprefix('module.'), value)
                        for name, value in given.items()
                        if isinstance(value, Tensor))
    # Versions, by which modules recognise older checkpoints.
    state._metadata = getattr(given, '_metadata', OrderedDict())
    return state


def _require_all(model: nn.Module, state: Mapping[str, Tensor], file: str,
                 is_resumed: bool) -> None:
    found = compare(model.state_dict(), state)
    if any(found):
        # Modules may take over older names and shapes as they are loaded.
        with contextlib.suppress(RuntimeError):  # Sizes differ.
            missing, more = model.load_state_dict(state, strict=False)
            found = Differences(missing, [], more)
    # MMEngine lets a checkpoint lack these counters, too.
    found = found.without(lambda x: x.endswith('num_batches_tracked'))
    if not any(found if is_resumed else found[:2]):
        return
    use = 'Resume' if is_resumed else 'Test'
    raise CheckpointError(
        f'{file} does not hold the model of the config:{found.describe()}\n'
        f'{use} with the config that it was trained with; '
        'tools/convert_checkpoint.py translates weights of other code bases.')


def _require_some(model: nn.Module, state: Mapping[str, Tensor],
                  file: str) -> None:
    own = model.state_dict()
    if not any(x in own and state[x].shape == own[x].shape for x in state):
        raise CheckpointError(
            f'nothing of {file} fits the model of the config: it has '
            f'{first_of(state)}, the model has {first_of(own)}. '
            'tools/convert_checkpoint.py translates weights of other code '
            "bases; init_cfg=dict(type='Pretrained', checkpoint=...) of the "
            'backbone takes them as they are.')
    for name, module in model.named_modules():
        if not isinstance(module, ConvNeXtV2):
            continue
        prefix = name and f'{name}.'
        inside = {x.removeprefix(prefix): value
                  for x, value in state.items() if x.startswith(prefix)}
        found = compare(module.state_dict(), inside).without(
            lambda x: x.startswith('norm'))
        if inside and any(found):
            raise CheckpointError(
                f"{file} is of another {name or 'model'} than the "
                f"config's:{found.describe()}\nChoose the config of the same "
                f'size.{_other_way(module, inside, found)}')


def _other_way(backbone: ConvNeXtV2, state: Mapping[str, Tensor],
               found: Differences) -> str:
    """Name the setting of ``Pretrained`` that takes such weights, if any."""
    way = '' if found.mismatched else 'allow_partial=True'
    if [x.split()[0] for x in found.mismatched] == [_STEM]:
        given, wanted = state[_STEM].shape, backbone.state_dict()[_STEM].shape
        if given[:1] + given[2:] == wanted[:1] + wanted[2:]:
            way = 'adapt_stem=True'
    return way and (
        " Or, instead of load_from: init_cfg=dict(type='Pretrained', "
        f'checkpoint=..., {way}) of the backbone.')
