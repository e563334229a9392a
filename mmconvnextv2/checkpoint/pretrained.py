"""Pretrained weights of any known format for the backbone."""
from typing import Dict, List, Mapping, Optional, Tuple, Union

from mmengine.logging import print_log
from mmengine.model import PretrainedInit, update_init_info
from torch import Tensor, nn

from .convert import Source, recognise, to_ours
from .errors import (
    CheckpointError,
    Differences,
    compare,
    sample,
)
from .formats import OURS
from .inspection import backbone_of, inspect
from .reading import pick_weights, read_checkpoint

_BACKBONE = 'backbone.'
_STEM = 'downsample_layers.0.0.weight'


class ConvNeXtPretrainedInit(PretrainedInit):
    """What ``init_cfg=dict(type='Pretrained', ...)`` is for ``ConvNeXtV2``.

    Weights may be the authors' (fine-tuned, FCMAE, or written by their
    pre-training script), timm's, Hugging Face's, mmpretrain's or another
    OpenMMLab model's, as a path or URL, in torch's format or safetensors.
    They are read without running code that the file may contain. Other than
    MMEngine's, it loads all of the backbone or raises an error; only output
    norms (``norm{i}``) may be missing, which FCMAE does not train. They then
    keep their initial values.

    Args:
        checkpoint (str): Path or URL.
        prefix (str, optional): What precedes the backbone's names in the
            file, as in MMEngine. Found out if None, the default. 'backbone.'
            is also taken for what the network is called in files of other
            code bases, which have no such prefix.
        map_location (str): Device to read the file to. Defaults to 'cpu'.
        adapt_stem (bool): Whether the stem of weights for another number of
            input channels is adapted: summed for one channel, else repeated
            and scaled. Defaults to False.
        allow_partial (bool): Whether parameters may be missing or unexpected,
            which is then logged. Sizes must agree all the same. Defaults to
            False.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file cannot be read or does not fit.
    """

    def __init__(self,
                 checkpoint: str,
                 prefix: Optional[str] = None,
                 map_location: str = 'cpu',
                 adapt_stem: bool = False,
                 allow_partial: bool = False) -> None:
        super().__init__(checkpoint, prefix, map_location)
        self.adapt_stem = adapt_stem
        self.allow_partial = allow_partial

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into a backbone."""
        content = read_checkpoint(self.checkpoint, self.map_location)
        try:
            weights = pick_weights(content)
            source, weights = select(weights, self.prefix)
            state, unused = to_ours(weights, source)
            unused += [x for x in state if not x.startswith(_BACKBONE)]
            own = backbone_of(state)
            if self.adapt_stem:
                own = with_adapted_stem(own, module.state_dict()[_STEM])
            found = self._check(compare(module.state_dict(), own), state)
        except CheckpointError as error:
            raise CheckpointError(f'{self.checkpoint}: {error}') from error
        module.load_state_dict(own, strict=False)
        print_log(
            f'loaded {len(own) - len(found.unexpected)} tensors of format '
            f'{source.format} from {self.checkpoint}' + found.describe() +
            f'\n  not of the backbone ({len(unused)}): {sample(unused)}',
            logger='current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())

    def _check(self, found: Differences,
               state: Mapping[str, Tensor]) -> Differences:
        """The differences, if they may be."""
        missing = [x for x in found.missing if not _is_norm(x)]
        unexpected = [x for x in found.unexpected if not _is_norm(x)]
        if not found.mismatched and (self.allow_partial
                                     or not missing + unexpected):
            return found
        hint = ''
        if any(x.startswith(_STEM) for x in found.mismatched):
            hint = '\nFor another number of input channels: adapt_stem=True.'
        raise CheckpointError(
            f'the weights, of {inspect(state).describe()}, do not fit the '
            'backbone:' +
            Differences(missing, unexpected, found.mismatched).describe() +
            hint)


def _is_norm(name: str) -> bool:
    """Whether it is a parameter of an output norm."""
    return name.startswith('norm')


def select(weights: Mapping[str, Tensor],
           prefix: Optional[str]) -> Tuple[Source, Dict[str, Tensor]]:
    """Find the backbone that a prefix names.

    Args:
        weights (Mapping[str, Tensor]): A state dict of any known format.
        prefix (str, optional): What precedes the backbone's names.

    Returns:
        tuple[Source, dict[str, Tensor]]: What it is, and the state dict; with
        the prefix only what begins with it, without it.

    Raises:
        CheckpointError: If there is no backbone, or nothing with the prefix.
    """
    weights = dict(weights)
    if prefix is None:
        return recognise(weights), weights
    prefix = prefix if prefix.endswith('.') else f'{prefix}.'
    inside = {
        name[len(prefix):]: value
        for name, value in weights.items() if name.startswith(prefix)
    }
    if inside:
        return recognise(inside), inside
    source = recognise(weights)
    if source.format != OURS and prefix == _BACKBONE:
        return source, weights
    raise CheckpointError(
        f'no name begins with the prefix {prefix!r}; the network is of format '
        f'{source.format} and begins with {source.prefix!r}')


def with_adapted_stem(state: Mapping[str, Tensor],
                      expected: Tensor) -> Dict[str, Tensor]:
    """Adapt the stem to another number of input channels, as timm does.

    For one channel the kernel's channels are summed. For more they are
    repeated, in order, and scaled so that the response to an image of equal
    channels stays about as it was.

    Args:
        state (Mapping[str, Tensor]): A backbone's state dict.
        expected (Tensor): The stem's kernel (C, C_in, p, p) that is expected.

    Returns:
        dict[str, Tensor]: A state dict with the kernel adapted.
    """
    state = dict(state)
    stem = state.get(_STEM)
    if stem is None or stem.ndim != 4 or stem.shape[1] == expected.shape[1]:
        return state
    given, wanted = stem.shape[1], expected.shape[1]
    stem = stem.float()
    if wanted == 1:
        state[_STEM] = stem.sum(dim=1, keepdim=True)
    else:
        channels = [i % given for i in range(wanted)]
        state[_STEM] = stem[:, channels] * (given / wanted)
    return state


def recognising(
    init_cfg: Union[dict, List[dict], None]
) -> Union[dict, List[dict], None]:
    """Let 'Pretrained' in an ``init_cfg`` mean ``ConvNeXtPretrainedInit``.

    Args:
        init_cfg (dict | list[dict], optional): As given by the user.

    Returns:
        dict | list[dict], optional: The same, with weights from files last,
        as MMEngine puts them.
    """
    if not init_cfg:
        return init_cfg
    cfgs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg
    loading = [x for x in cfgs if x['type'] in ('Pretrained', PretrainedInit)]
    return [x for x in cfgs if x not in loading
            ] + [{**x, 'type': ConvNeXtPretrainedInit} for x in loading]
