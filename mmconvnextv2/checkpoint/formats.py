"""Names and layouts of ConvNeXt weights in other code bases.

Read from the state dicts of each: github.com/facebookresearch/ConvNeXt-V2 (and
ConvNeXt), timm, Hugging Face's transformers, mmpretrain.
"""
import re
from functools import cache
from typing import Dict, Iterable, NamedTuple, Optional, Tuple

# (our name, their name). Fields in braces stand for the same in both.
Pairs = Tuple[Tuple[str, str], ...]
_FIELDS = dict(
    s=r'\d+', b=r'\d+', n=r'\d+', k='[01]', p='weight|bias', g='gamma|beta')
# Ours, which are mmpretrain's.
OURS = 'mmpretrain'


class Format(NamedTuple):
    """How a code base names and lays out the weights.

    Attributes:
        signature (str): Regular expression for a depthwise kernel's name,
            without what the whole network is prefixed with.
        wrappers (tuple[str]): Prefixes that divide the network from its
            heads in the same file.
        network (Pairs): Names within the network. '{last}' is the last stage.
        heads (Pairs): Names outside it.
        only_read (Pairs): Names within the network that are not written.
        vectors (tuple): Pairs of a regular expression for their names and the
            shape that vectors of these names are given, with -1.
        as_convs (str): Regular expression for the names of matrices that are
            kernels of 1x1 convolutions there.
    """

    signature: str
    wrappers: Tuple[str, ...] = ()
    network: Pairs = ()
    heads: Pairs = ()
    only_read: Pairs = ()
    vectors: Tuple[Tuple[str, Tuple[int, ...]], ...] = ()
    as_convs: str = ''


def _inside(ours: str, theirs: str, layers: Dict[str, str]) -> Pairs:
    return tuple((f'{ours}.{a}', f'{theirs}.{b}') for a, b in layers.items())


_NORM = 'backbone.norm{last}.{p}'
_REDUCTION = 'backbone.downsample_layers.{s}.{k}.{p}'
_BLOCK = 'backbone.stages.{s}.{b}'
_OFFICIAL_BLOCK = {
    'depthwise_conv.{p}': 'dwconv.{p}',
    'norm.{p}': 'norm.{p}',
    'pointwise_conv1.{p}': 'pwconv1.{p}',
    'grn.{g}': 'grn.{g}',
    'pointwise_conv2.{p}': 'pwconv2.{p}',
    'gamma': 'gamma',
}
_OFFICIAL_HEADS = (
    ('head.fc.{p}', 'head.{p}'),
    ('neck.proj.{p}', 'proj.{p}'),
    ('neck.mask_token', 'mask_token'),
    *_inside('neck.decoder.{b}', 'decoder.{b}', _OFFICIAL_BLOCK),
    ('neck.pred.{p}', 'pred.{p}'),
)
_OFFICIAL_VECTORS = (
    (r'.*grn\.(gamma|beta)', (1, 1, 1, -1)),
    (r'mask_token', (1, -1, 1, 1)),
)

FORMATS = {
    OURS:
    Format(r'stages\.\d+\.\d+\.depthwise_conv\.weight', ('backbone.', )),
    'official':
    Format(
        r'stages\.\d+\.\d+\.dwconv\.weight',
        ('encoder.', 'backbone.'),
        network=((_REDUCTION, 'downsample_layers.{s}.{k}.{p}'),
                 *_inside(_BLOCK, 'stages.{s}.{b}', _OFFICIAL_BLOCK),
                 (_NORM, 'norm.{p}')),
        heads=_OFFICIAL_HEADS,
        only_read=(('backbone.norm{n}.{p}', 'norm{n}.{p}'), ),
        vectors=_OFFICIAL_VECTORS,
        as_convs=r'(proj|pred)\.weight'),
    # MinkowskiEngine's layers; the stem and the decoder are dense.
    'official-pretraining':
    Format(
        r'stages\.\d+\.\d+\.dwconv\.kernel',
        ('encoder.', ),
        network=(('backbone.downsample_layers.0.{k}.{p}',
                  'downsample_layers.0.{k}.{p}'),
                 ('backbone.downsample_layers.{s}.0.{p}',
                  'downsample_layers.{s}.0.ln.{p}'),
                 ('backbone.downsample_layers.{s}.1.weight',
                  'downsample_layers.{s}.1.kernel'),
                 ('backbone.downsample_layers.{s}.1.bias',
                  'downsample_layers.{s}.1.bias'),
                 *_inside(
                     _BLOCK, 'stages.{s}.{b}', {
                         'depthwise_conv.weight': 'dwconv.kernel',
                         'depthwise_conv.bias': 'dwconv.bias',
                         'norm.{p}': 'norm.ln.{p}',
                         'pointwise_conv1.{p}': 'pwconv1.linear.{p}',
                         'grn.{g}': 'grn.{g}',
                         'pointwise_conv2.{p}': 'pwconv2.linear.{p}',
                     })),
        # Without the norm in its own files, but its readers know it.
        heads=((_NORM, 'norm.{p}'), *_OFFICIAL_HEADS),
        vectors=((r'encoder\..*(grn\.(gamma|beta)|dwconv\.bias)', (1, -1)),
                 (r'encoder\.downsample_layers\.[1-9]\d*\.1\.bias', (1, -1)),
                 *_OFFICIAL_VECTORS),
        as_convs=r'(proj|pred)\.weight'),
    'timm':
    Format(
        r'stages\.\d+\.blocks\.\d+\.conv_dw\.weight',
        network=(('backbone.downsample_layers.0.{k}.{p}', 'stem.{k}.{p}'),
                 (_REDUCTION, 'stages.{s}.downsample.{k}.{p}'),
                 *_inside(
                     _BLOCK, 'stages.{s}.blocks.{b}', {
                         'depthwise_conv.{p}': 'conv_dw.{p}',
                         'norm.{p}': 'norm.{p}',
                         'pointwise_conv1.{p}': 'mlp.fc1.{p}',
                         'grn.gamma': 'mlp.grn.weight',
                         'grn.beta': 'mlp.grn.bias',
                         'pointwise_conv2.{p}': 'mlp.fc2.{p}',
                         'gamma': 'gamma',
                     }), (_NORM, 'head.norm.{p}')),
        heads=(('head.fc.{p}', 'head.fc.{p}'), ),
        # In the smaller models only; see ``convert.from_ours``.
        as_convs=r'stages\..*\.mlp\.fc[12]\.weight'),
    'huggingface':
    Format(
        r'encoder\.stages\.\d+\.layers\.\d+\.dwconv\.weight',
        ('convnextv2.', 'convnext.'),
        network=(('backbone.downsample_layers.0.0.{p}',
                  'embeddings.patch_embeddings.{p}'),
                 ('backbone.downsample_layers.0.1.{p}',
                  'embeddings.layernorm.{p}'),
                 (_REDUCTION,
                  'encoder.stages.{s}.downsampling_layer.{k}.{p}'),
                 *_inside(
                     _BLOCK, 'encoder.stages.{s}.layers.{b}', {
                         'depthwise_conv.{p}': 'dwconv.{p}',
                         'norm.{p}': 'layernorm.{p}',
                         'pointwise_conv1.{p}': 'pwconv1.{p}',
                         'grn.gamma': 'grn.weight',
                         'grn.beta': 'grn.bias',
                         'pointwise_conv2.{p}': 'pwconv2.{p}',
                         'gamma': 'layer_scale_parameter',
                     }), (_NORM, 'layernorm.{p}')),
        heads=(('head.fc.{p}', 'classifier.{p}'), ),
        # Of its backbone for detectors, which counts stages from 1.
        only_read=tuple((f'backbone.norm{i}.{{p}}',
                         f'hidden_states_norms.stage{i + 1}.{{p}}')
                        for i in range(9)),
        vectors=((r'.*grn\.(weight|bias)', (1, 1, 1, -1)), )),
}


@cache
def _pattern(template: str) -> re.Pattern:
    """The regular expression that a name with fields stands for."""
    parts = re.split(r'{(\w)}', template)
    return re.compile(''.join(
        f'(?P<{x}>{_FIELDS[x]})' if i % 2 else re.escape(x)
        for i, x in enumerate(parts)))


def rename(name: str, pairs: Iterable[Tuple[str, str]],
           last: int) -> Optional[str]:
    """Translate a name.

    Args:
        name (str): A name in the first language.
        pairs (Iterable[tuple[str, str]]): (first, second) language; the first
            pair that fits counts.
        last (int): Index of the last stage.

    Returns:
        str, optional: The name in the second language, None if none fits.
    """
    for source, target in pairs:
        match = _pattern(source.replace('{last}', str(last))).fullmatch(name)
        if match:
            return target.replace('{last}',
                                  str(last)).format(**match.groupdict())
    return None
