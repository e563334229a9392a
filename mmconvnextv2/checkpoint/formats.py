"""Names and layouts of ConvNeXt weights in other code bases.

Read from the state dicts of each: github.com/facebookresearch/ConvNeXt-V2 (and
ConvNeXt), timm, Hugging Face's transformers, mmpretrain.
"""
import math
import re
from functools import cache
from typing import Iterable, NamedTuple, Optional, Tuple

from torch import Tensor

from .errors import CheckpointError

# (our name, their name), with fields in braces that stand for the same in
# both; '{last}' is the number of the last stage.
Pairs = Tuple[Tuple[str, str], ...]
_FIELDS = dict(s=r'\d+', b=r'\d+', n=r'\d+', k='[01]', p='weight|bias')
# The names of this package, which are mmpretrain's.
OURS = 'mmpretrain'
# Matrices that some code bases store as kernels of 1x1 convolutions.
_MATRICES = re.compile(
    r'.*pointwise_conv[12]\.weight|neck\.(proj|pred)\.weight')
# Vectors that have more dimensions in some code bases.
_VECTORS = re.compile(r'.*(\.bias|\.gamma|\.beta|mask_token)')


class Format(NamedTuple):
    """Describe how a code base names and lays out the weights."""

    signature: str  # pattern of a depthwise kernel's name in the network
    wrappers: Tuple[str, ...] = ()  # prefixes of the network, not the heads
    network: Pairs = ()  # names within the network
    heads: Pairs = ()  # names outside it
    only_read: Pairs = ()  # names within the network that are never written
    # Patterns of names, and the shape that vectors of these names have.
    vectors: Tuple[Tuple[str, Tuple[int, ...]], ...] = ()
    as_convs: str = ''  # pattern for matrices stored as 1x1 convolutions


# Layers of a block, in the same order for each code base.
_OUR_BLOCK = ('depthwise_conv.weight', 'depthwise_conv.bias', 'norm.{p}',
              'pointwise_conv1.{p}', 'pointwise_conv2.{p}', 'grn.gamma',
              'grn.beta', 'gamma')
_OFFICIAL_BLOCK = ('dwconv.weight', 'dwconv.bias', 'norm.{p}', 'pwconv1.{p}',
                   'pwconv2.{p}', 'grn.gamma', 'grn.beta', 'gamma')
_MINKOWSKI_BLOCK = ('dwconv.kernel', 'dwconv.bias', 'norm.ln.{p}',
                    'pwconv1.linear.{p}', 'pwconv2.linear.{p}', 'grn.gamma',
                    'grn.beta')
_TIMM_BLOCK = ('conv_dw.weight', 'conv_dw.bias', 'norm.{p}', 'mlp.fc1.{p}',
               'mlp.fc2.{p}', 'mlp.grn.weight', 'mlp.grn.bias', 'gamma')
_HUGGING_FACE_BLOCK = ('dwconv.weight', 'dwconv.bias', 'layernorm.{p}',
                       'pwconv1.{p}', 'pwconv2.{p}', 'grn.weight', 'grn.bias',
                       'layer_scale_parameter')


def _block(theirs: str,
           layers: Tuple[str, ...],
           ours: str = 'backbone.stages.{s}.{b}') -> Pairs:
    return tuple((f'{ours}.{a}', f'{theirs}.{b}')
                 for a, b in zip(_OUR_BLOCK, layers))


_STEM = 'backbone.downsample_layers.0'
_REDUCTION = 'backbone.downsample_layers.{s}'
_NORM = 'backbone.norm{last}.{p}'
_OFFICIAL_HEADS = (
    ('head.fc.{p}', 'head.{p}'),
    ('neck.proj.{p}', 'proj.{p}'),
    ('neck.mask_token', 'mask_token'),
    *_block('decoder.{b}', _OFFICIAL_BLOCK, 'neck.decoder.{b}'),
    ('neck.pred.{p}', 'pred.{p}'),
)
_OFFICIAL_VECTORS = ((r'.*grn\.(gamma|beta)', (1, 1, 1, -1)),
                     (r'mask_token', (1, -1, 1, 1)))

FORMATS = {
    OURS:
    Format(r'stages\.\d+\.\d+\.depthwise_conv\.weight', ('backbone.', )),
    'official':
    Format(
        r'stages\.\d+\.\d+\.dwconv\.weight',
        wrappers=('encoder.', 'backbone.'),
        network=((f'{_REDUCTION}.{{k}}.{{p}}',
                  'downsample_layers.{s}.{k}.{p}'),
                 *_block('stages.{s}.{b}', _OFFICIAL_BLOCK),
                 (_NORM, 'norm.{p}')),
        heads=_OFFICIAL_HEADS,
        only_read=(('backbone.norm{n}.{p}', 'norm{n}.{p}'), ),
        vectors=_OFFICIAL_VECTORS,
        as_convs=r'(proj|pred)\.weight'),
    # Layers of MinkowskiEngine; the stem and the decoder are dense.
    'official-pretraining':
    Format(
        r'stages\.\d+\.\d+\.dwconv\.kernel',
        wrappers=('encoder.', ),
        network=((f'{_STEM}.{{k}}.{{p}}', 'downsample_layers.0.{k}.{p}'),
                 (f'{_REDUCTION}.0.{{p}}', 'downsample_layers.{s}.0.ln.{p}'),
                 (f'{_REDUCTION}.1.weight', 'downsample_layers.{s}.1.kernel'),
                 (f'{_REDUCTION}.1.bias', 'downsample_layers.{s}.1.bias'),
                 *_block('stages.{s}.{b}', _MINKOWSKI_BLOCK)),
        # Without the norm in its own files, but its readers know it.
        heads=((_NORM, 'norm.{p}'), *_OFFICIAL_HEADS),
        vectors=((r'encoder\..*(grn\.(gamma|beta)|dwconv\.bias)', (1, -1)),
                 (r'encoder\.downsample_layers\.[1-9]\d*\.1\.bias', (1, -1)),
                 *_OFFICIAL_VECTORS),
        as_convs=r'(proj|pred)\.weight'),
    'timm':
    Format(
        r'stages\.\d+\.blocks\.\d+\.conv_dw\.weight',
        network=((f'{_STEM}.{{k}}.{{p}}', 'stem.{k}.{p}'),
                 (f'{_REDUCTION}.{{k}}.{{p}}',
                  'stages.{s}.downsample.{k}.{p}'),
                 *_block('stages.{s}.blocks.{b}', _TIMM_BLOCK),
                 (_NORM, 'head.norm.{p}')),
        heads=(('head.fc.{p}', 'head.fc.{p}'), ),
        # In the smaller models only; see ``convert.from_ours``.
        as_convs=r'stages\..*\.mlp\.fc[12]\.weight'),
    'huggingface':
    Format(
        r'encoder\.stages\.\d+\.layers\.\d+\.dwconv\.weight',
        wrappers=('convnextv2.', 'convnext.'),
        network=((f'{_STEM}.0.{{p}}', 'embeddings.patch_embeddings.{p}'),
                 (f'{_STEM}.1.{{p}}', 'embeddings.layernorm.{p}'),
                 (f'{_REDUCTION}.{{k}}.{{p}}',
                  'encoder.stages.{s}.downsampling_layer.{k}.{p}'),
                 *_block('encoder.stages.{s}.layers.{b}',
                         _HUGGING_FACE_BLOCK), (_NORM, 'layernorm.{p}')),
        heads=(('head.fc.{p}', 'classifier.{p}'), ),
        # Of its backbone for detectors, which counts stages from 1.
        only_read=tuple((f'backbone.norm{i}.{{p}}',
                         f'hidden_states_norms.stage{i + 1}.{{p}}')
                        for i in range(9)),
        vectors=((r'.*grn\.(weight|bias)', (1, 1, 1, -1)), )),
}


@cache
def _pattern(template: str) -> re.Pattern:
    """Compile a name with fields to a regular expression."""
    parts = re.split(r'{(\w)}', template)
    return re.compile(''.join(
        f'(?P<{x}>{_FIELDS[x]})' if i % 2 else re.escape(x)
        for i, x in enumerate(parts)))


def rename(name: str, pairs: Iterable[Tuple[str, str]],
           last: int) -> Optional[str]:
    """Translate a name by the first pair that fits it, or return None.

    Args:
        name (str): A name in the first language.
        pairs (Iterable[tuple[str, str]]): Names with fields, in the first and
            in the second language.
        last (int): Number of the last stage.
    """
    for source, target in pairs:
        match = _pattern(source.replace('{last}', str(last))).fullmatch(name)
        if match:
            return target.replace('{last}',
                                  str(last)).format(**match.groupdict())
    return None


def from_minkowski(kernel: Tensor) -> Tensor:
    """Turn a kernel of MinkowskiEngine into one of torch's convolutions.

    MinkowskiEngine keeps the sites of a kernel in one dimension, in which the
    first coordinate (the column of a map) varies slowest: (k * k, C) of a
    depthwise convolution becomes (C, 1, k, k), and (k * k, C_in, C_out) of a
    full one (C_out, C_in, k, k).

    Raises:
        CheckpointError: If the kernel has another shape.
    """
    side = math.isqrt(kernel.shape[0]) if kernel.ndim else 0
    if kernel.ndim not in (2, 3) or not side or side**2 != kernel.shape[0]:
        raise CheckpointError(
            'a kernel of MinkowskiEngine must be (k * k, C) or (k * k, C_in, '
            f'C_out), got {tuple(kernel.shape)}')
    if kernel.ndim == 2:
        kernel = kernel[:, None]
    # (k * k, C_in, C_out) -> (C_out, C_in, column, row) -> (..., row, column)
    weight = kernel.permute(2, 1, 0).unflatten(2, (side, side))
    return weight.transpose(2, 3).contiguous()


def to_minkowski(weight: Tensor, depthwise: bool) -> Tensor:
    """Undo ``from_minkowski``."""
    kernel = weight.transpose(2, 3).flatten(2).permute(2, 1, 0)
    return (kernel[:, 0] if depthwise else kernel).contiguous()


def to_our_layout(name: str, value: Tensor) -> Tensor:
    """Drop the dimensions of size 1 that other code bases have.

    What is left is (C, ) for vectors and (C_out, C_in) for matrices; a value
    of a wrong size stays as it is. The name is this package's.
    """
    if _MATRICES.fullmatch(name) and value.shape[2:] == (1, 1):
        return value.flatten(1)
    is_vector = value.ndim and value.numel() == max(value.shape)
    return value.flatten() if is_vector and _VECTORS.fullmatch(name) else value
