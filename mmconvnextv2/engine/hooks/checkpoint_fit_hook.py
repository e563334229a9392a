"""Refuse a checkpoint that is not of the config's model."""
import contextlib
from collections import OrderedDict
from typing import Dict, Iterator, Mapping, Tuple

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mmconvnextv2.checkpoint.errors import (
    CheckpointError,
    Differences,
    compare,
    sample,
)
from mmconvnextv2.models.backbones import ConvNeXtV2

_OF_A_RUN = ('meta', 'message_hub', 'state_dict')
_WRAPPER = 'module.'
# Counters that MMEngine lets a checkpoint lack as well.
_COUNTER = 'num_batches_tracked'


class CheckpointFitHook(Hook):
    """Refuse a checkpoint that is not of the config's model.

    MMEngine loads what fits, logs the rest, and goes on, with initial weights
    wherever the file is of another size or task. That is refused here. To test
    takes all weights; to resume takes them and no others, and the record of a
    run. Training from ``load_from`` may begin with part of a model, such as
    the backbone of another task, but not with part of a ``ConvNeXtV2``, save
    for its output norms, and not with nothing.

    The package's tools put it into each run; configs need not name it. Models
    that FSDP or DeepSpeed have taken apart are not looked at.

    Raises:
        CheckpointError: When a checkpoint is loaded that is not as above.
    """

    priority = 'LOWEST'  # What other hooks make of it is what is loaded.

    def after_load_checkpoint(self, runner: Runner,
                              checkpoint: Mapping) -> None:
        """Compare the checkpoint with the model that it is meant for."""
        file = runner._load_from or 'The latest checkpoint'
        model = _unwrapped(runner.model)
        if is_model_wrapper(model):
            return
        is_training = isinstance(runner._train_loop, BaseLoop)
        if runner._resume:
            absent = [x for x in _OF_A_RUN if not checkpoint.get(x)]
            if absent:
                raise CheckpointError(
                    f"{file} cannot be resumed from: it lacks a run's "
                    f'{" and ".join(absent)}, found {sample(checkpoint)}. To '
                    'begin a run with its weights: --cfg-options '
                    f'load_from={file} without --resume')
        state = _weights(checkpoint)
        if is_training and not runner._resume:
            _require_some(model, state, file)
        else:
            _require_all(model, state, file, runner._resume)


def _unwrapped(model: nn.Module) -> nn.Module:
    while isinstance(model, (DistributedDataParallel, BaseTTAModel)):
        model = model.module
    return model


def _weights(checkpoint: Mapping) -> Dict[str, Tensor]:
    """The weights under the names that MMEngine will look for."""
    given = checkpoint.get('state_dict', checkpoint)
    state = OrderedDict(
        (str(name)[len(_WRAPPER):] if str(name).startswith(_WRAPPER) else name,
         value) for name, value in given.items()
        if isinstance(value, Tensor))
    # Versions, by which modules recognise older checkpoints.
    state._metadata = getattr(given, '_metadata', OrderedDict())
    return state


def _require_all(model: nn.Module, state: Mapping[str, Tensor], file: str,
                 is_resumed: bool) -> None:
    found = _counted(compare(model.state_dict(), state))
    if found.missing or found.mismatched or found.unexpected:
        # Modules may take over older names and shapes as they are loaded.
        with contextlib.suppress(RuntimeError):  # Sizes differ.
            found = _counted(
                Differences(*model.load_state_dict(state, strict=False), []))
    if not (found.missing or found.mismatched or
            (is_resumed and found.unexpected)):
        return
    use = 'resume with' if is_resumed else 'test with'
    raise CheckpointError(
        f'{file} does not hold the model of the config:{_lines(found)}\n'
        f'{use.capitalize()} the config that it was trained with; '
        'tools/convert_checkpoint.py translates weights of other code bases.')


def _counted(found: Differences) -> Differences:
    missing = [x for x in found.missing if not x.endswith(_COUNTER)]
    return Differences(missing, list(found.unexpected), found.mismatched)


def _lines(found: Differences) -> str:
    kinds = ('missing', 'of another size', 'unexpected')
    names = (found.missing, found.mismatched, found.unexpected)
    return ''.join(f'\n  {kind} ({len(x)}): {sample(x)}'
                   for kind, x in zip(kinds, names) if x)


def _require_some(model: nn.Module, state: Mapping[str, Tensor],
                  file: str) -> None:
    own = model.state_dict()
    fitting = [x for x in state if x in own and state[x].shape == own[x].shape]
    if not fitting:
        raise CheckpointError(
            f'nothing of {file} fits the model of the config: it has '
            f'{sample(list(state))}, the model has {sample(list(own))}. '
            'tools/convert_checkpoint.py translates weights of other code '
            "bases; init_cfg=dict(type='Pretrained', checkpoint=...) of the "
            'backbone takes them as they are.')
    for name, backbone in _backbones(model):
        inside = {
            x[len(name):]: value
            for x, value in state.items() if x.startswith(name)
        }
        found = Differences(*(
            [x for x in names if not x.startswith('norm')]
            for names in compare(backbone.state_dict(), inside)))
        if inside and any(found):
            raise CheckpointError(
                f"{file} is of another {name[:-1] or 'model'} than the "
                f"config's:{_lines(found)}\nChoose the config of the same "
                'size. To begin with part of it all the same: '
                "init_cfg=dict(type='Pretrained', checkpoint=..., "
                'allow_partial=True or adapt_stem=True) of the backbone '
                'instead of load_from.')


def _backbones(model: nn.Module) -> Iterator[Tuple[str, ConvNeXtV2]]:
    for name, module in model.named_modules():
        if isinstance(module, ConvNeXtV2):
            yield name and f'{name}.', module
