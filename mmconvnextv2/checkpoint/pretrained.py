"""Load pretrained weights of any known format into the backbone."""
from typing import Dict, List, Mapping, Optional, Tuple, Union

from mmengine.logging import print_log
from mmengine.model import PretrainedInit, update_init_info
from torch import Tensor, nn

from mmconvnextv2.text import first_of
from .convert import Source, recognise, to_ours
from .errors import CheckpointError, about, compare
from .formats import OURS
from .io import pick_weights, read_checkpoint
from .network import backbone_of, inspect

_BACKBONE = 'backbone.'
_STEM = 'downsample_layers.0.0.weight'


class ConvNeXtPretrainedInit(PretrainedInit):
    """Load what ``init_cfg=dict(type='Pretrained', ...)`` names.

    Weights may be the authors' (fine-tuned, FCMAE, or written by their
    pre-training script), timm's, Hugging Face's, mmpretrain's or another
    OpenMMLab model's, as a path or URL, in torch's format or safetensors.
    They are read without running code that the file may contain. Unlike
    MMEngine's class of this kind, it loads all of the backbone or raises an
    error; only output norms (``norm{i}``), which FCMAE does not train, may be
    missing and then keep their initial values.

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
        with about(self.checkpoint):
            text = self._load(module, pick_weights(content))
        print_log(text, logger='current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())

    def _load(self, module: nn.Module, weights: Mapping[str, Tensor]) -> str:
        """Load a state dict; returns a description of what was loaded."""
        source, weights = select(weights, self.prefix)
        state, unused = to_ours(weights, source)
        unused += [x for x in state if not x.startswith(_BACKBONE)]
        own, expected = backbone_of(state), module.state_dict()
        if self.adapt_stem:
            own = with_adapted_stem(own, expected[_STEM])
        found = compare(expected, own)
        wrong = found.without(lambda name: name.startswith('norm'))
        if wrong.mismatched or (any(wrong) and not self.allow_partial):
            hint = ''
            if any(x.startswith(_STEM) for x in wrong.mismatched):
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


def select(weights: Mapping[str, Tensor],
           prefix: Optional[str]) -> Tuple[Source, Dict[str, Tensor]]:
    """Find the network that a prefix names in a state dict.

    Args:
        weights (Mapping[str, Tensor]): A state dict of any known format.
        prefix (str, optional): Prefix of the backbone's names.

    Returns:
        tuple[Source, dict[str, Tensor]]: Kind of the file, and the names that
        begin with the prefix, without it; without a prefix all names.

    Raises:
        CheckpointError: If there is no backbone, or no name with the prefix.
    """
    if prefix is None:
        return recognise(weights), dict(weights)
    prefix = prefix if prefix.endswith('.') else f'{prefix}.'
    inside = {
        name[len(prefix):]: value
        for name, value in weights.items() if name.startswith(prefix)
    }
    if inside:
        return recognise(inside), inside
    source = recognise(weights)
    if source.format != OURS and prefix == _BACKBONE:
        return source, dict(weights)
    raise CheckpointError(
        f'no name begins with the prefix {prefix!r}; the network is of format '
        f'{source.format} and begins with {source.prefix!r}')


def with_adapted_stem(state: Mapping[str, Tensor],
                      expected: Tensor) -> Dict[str, Tensor]:
    """Adapt the stem to another number of input channels, as timm does.

    For one channel the kernel's channels are summed. For more they are
    repeated, in order, and scaled so that the response to an image of equal
    channels stays about the same.

    Args:
        state (Mapping[str, Tensor]): State dict of a backbone.
        expected (Tensor): Kernel (C, C_in, p, p) of the stem to load into.

    Returns:
        dict[str, Tensor]: The state dict with the kernel adapted.
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

    Args:
        init_cfg (dict | list[dict], optional): Initialisers of the backbone.

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
