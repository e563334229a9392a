"""Load weights of any known format into a backbone or a whole model."""
import contextlib
import logging
from typing import Any, Dict, List, Mapping, Optional, Union

from mmengine.logging import print_log
from mmengine.model import PretrainedInit, update_init_info
from torch import Tensor, nn

from mmconvnextv2.models import ConvNeXtV2
from mmconvnextv2.text import first_of
from .convert import recognise, to_ours
from .entries import describe_choice, pick_weights
from .errors import CheckpointError, about, compare
from .io import read_checkpoint
from .network import backbone_of, inspect

_BACKBONE = 'backbone.'
_STEM = 'downsample_layers.0.0.weight'


class ConvNeXtPretrainedInit(PretrainedInit):
    """Load what ``init_cfg=dict(type='Pretrained', ...)`` names.

    Weights may be of any of ``FORMATS``, in any file or folder that
    ``read_checkpoint`` takes. They are read without running code that the file
    may contain. All of the backbone is loaded, or
    an error raised; only output norms (``norm{i}``), which FCMAE does not
    train, may be missing and then keep their initial values.

    Args:
        checkpoint (str): Path or URL.
        prefix (str, optional): Prefix of the backbone's names in the file, as
            in MMEngine. Recognised if None, the default. 'backbone.' also
            stands for the network in files of other code bases.
        map_location (str): Device to read the file to. Defaults to 'cpu'.
        adapt_stem (bool): Whether to adapt the stem of weights for another
            number of input channels: summed for one channel, else repeated
            and scaled. Defaults to False.
        allow_partial (bool): Whether parameters may be missing or unexpected,
            which is then logged. Sizes must agree all the same. Defaults to
            False.
        entry (str, optional): Key of the state dict in a file that holds
            several, such as 'model_ema'. Defaults to None, which means
            'state_dict', 'model' or the whole.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file cannot be read or does not fit.
    """

    def __init__(self,
                 checkpoint: str,
                 prefix: Optional[str] = None,
                 map_location: str = 'cpu',
                 adapt_stem: bool = False,
                 allow_partial: bool = False,
                 entry: Optional[str] = None) -> None:
        super().__init__(checkpoint, prefix, map_location)
        self.adapt_stem = adapt_stem
        self.allow_partial = allow_partial
        self.entry = entry

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into a backbone."""
        content = read_checkpoint(self.checkpoint, self.map_location)
        with about(self.checkpoint):
            text = self._load(module, pick_weights(content, self.entry))
            if choice := describe_choice(content, self.entry):
                text += f'\n  {choice}'
        print_log(text, logger='current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())

    def _load(self, module: nn.Module, weights: Mapping[str, Tensor]) -> str:
        """Load a state dict; returns a description of what was loaded."""
        source = recognise(weights, self.prefix)
        mapped = to_ours(weights, source)
        mapped.require_same(module)
        state = mapped.state
        unused = mapped.left_out + [
            x for x in state if not x.startswith(_BACKBONE)]
        own, expected = backbone_of(state), module.state_dict()
        if self.adapt_stem:
            own = with_adapted_stem(own, expected[_STEM])
        found = compare(expected, own)
        wrong = found.without(lambda name: name.startswith('norm'))
        if wrong.mismatched or (any(wrong) and not self.allow_partial):
            hint = ''
            stem = own.get(_STEM)
            if stem is not None and stem.shape[1:2] != expected[
                    _STEM].shape[1:2]:
                hint = ('\nFor another number of input channels: '
                        'adapt_stem=True.')
            raise CheckpointError(
                f'the weights, of {inspect(state).describe()}, do not fit the '
                f'backbone:{wrong.describe()}{hint}')
        module.load_state_dict(own, strict=False)
        return (
            f'loaded {len(own) - len(found.unexpected)} tensors of format '
            f'{source.format} from {self.checkpoint}{found.describe()}\n'
            f'  not of the backbone ({len(unused)}): {first_of(unused)}')


def with_adapted_stem(state: Mapping[str, Tensor],
                      expected: Tensor) -> Dict[str, Tensor]:
    """Adapt the stem to another number of input channels, as timm does.

    For one channel the kernel's channels are summed. For more they are
    repeated, in order, and scaled so that the response to an image of equal
    channels stays about the same. ``expected`` is a kernel (C, C_in, p, p).
    """
    stem, wanted = state.get(_STEM), expected.shape[1]
    if stem is None or stem.ndim != 4 or stem.shape[1] == wanted:
        return dict(state)
    given = stem.shape[1]
    if wanted == 1:
        stem = stem.float().sum(dim=1, keepdim=True)
    else:
        channels = [i % given for i in range(wanted)]
        stem = stem.float()[:, channels] * (given / wanted)
    return {**state, _STEM: stem}


def recognising(
    init_cfg: Union[dict, List[dict], None]
) -> Union[dict, List[dict], None]:
    """Let 'Pretrained' in an ``init_cfg`` mean ``ConvNeXtPretrainedInit``.

    Weights from files come last, as MMEngine puts them.

    Raises:
        CheckpointError: If a part is no dict, or has no type.
    """
    if not init_cfg:
        return init_cfg
    cfgs = [init_cfg] if isinstance(init_cfg, (dict, str)) else init_cfg
    for part in cfgs:
        if not isinstance(part, Mapping):
            raise CheckpointError(
                f"init_cfg takes dict(type='Pretrained', checkpoint={part!r}) "
                f'for weights from a file, got {part!r}')
        if 'type' not in part:
            raise CheckpointError(
                f'init_cfg needs a type, got {dict(part)}. If it was to '
                'change another init_cfg, that one is None: leave it out')
    loading = [x for x in cfgs if x['type'] in ('Pretrained', PretrainedInit)]
    return [x for x in cfgs if x not in loading
            ] + [{**x, 'type': ConvNeXtPretrainedInit} for x in loading]


def load_whole(model: nn.Module, checkpoint: str,
               entry: Optional[str] = None) -> Dict[str, Any]:
    """Load all weights of a model.

    Unlike MMEngine's inferencers it runs no code that the file may contain,
    takes the formats of other code bases, and refuses a file that lacks a
    weight.

    Args:
        model (nn.Module): A model of OpenMMLab, or a ``ConvNeXtV2``, which
            takes its weights from the checkpoint of any model on it.
        checkpoint (str): Path or URL.
        entry (str, optional): Key of the state dict in a file that holds
            several; see ``pick_weights``. Defaults to None.

    Returns:
        dict: ``meta`` of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file cannot be read or lacks a weight.
    """
    content = read_checkpoint(checkpoint)
    with about(checkpoint):
        weights, part = pick_weights(content, entry), 'model'
        mapped = None
        if choice := describe_choice(content, entry):
            print_log(f'{checkpoint}: {choice}', 'current', logging.WARNING)
        if isinstance(model, ConvNeXtV2):
            mapped = to_ours(weights)
            weights, part = backbone_of(mapped.state), 'backbone'
        elif compare(model.state_dict(), weights).missing:
            # What is not a ConvNeXt stays as it is.
            with contextlib.suppress(CheckpointError):
                mapped = to_ours(weights)
                weights = mapped.state
        if mapped:
            mapped.require_same(model)
        found = compare(model.state_dict(), weights)
        if found.missing or found.mismatched:  # More does no harm.
            raise CheckpointError(f'it does not hold the whole {part} of the '
                                  f'config:{found.describe()}')
    model.load_state_dict(weights, strict=False)
    meta = content.get('meta')
    return dict(meta) if isinstance(meta, Mapping) else {}
