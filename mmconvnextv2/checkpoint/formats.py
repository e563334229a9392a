"""Names and layouts of ConvNeXt weights in other code bases.

Read from the state dicts of each: github.com/facebookresearch/ConvNeXt-V2 (and
ConvNeXt, dinov3), timm, Hugging Face's transformers, torchvision, mmpretrain.
"""
import re
from functools import cache
from typing import Iterable, NamedTuple, Optional, Tuple

# (our name, their name), with fields in braces that stand for the same in
# both; '{last}' is the number of the last stage.
Pairs = Tuple[Tuple[str, str], ...]
_FIELDS = dict(s=r'\d+', b=r'\d+', n=r'\d+', k='[01]', p='weight|bias')
# The names of this package, which are mmpretrain's.
OURS = 'mmpretrain'


class Format(NamedTuple):
    """Describe how a code base names and lays out the weights."""

    models: str  # whose models have such names, for the docs
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
# ConvNeXt without V2.
_DINOV3_BLOCK = ('depthwise_conv.weight', 'depthwise_conv.bias',
                 'layer_norm.{p}', 'pointwise_conv1.{p}',
                 'pointwise_conv2.{p}', None, None, 'gamma')
_TORCHVISION_BLOCK = ('block.0.weight', 'block.0.bias', 'block.2.{p}',
                      'block.3.{p}', 'block.5.{p}', None, None, 'layer_scale')
_HUGGING_FACE_BLOCK = ('dwconv.weight', 'dwconv.bias', 'layernorm.{p}',
                       'pwconv1.{p}', 'pwconv2.{p}', 'grn.weight', 'grn.bias',
                       'layer_scale_parameter')


def _block(theirs: str,
           layers: Tuple[Optional[str], ...],
           ours: str = 'backbone.stages.{s}.{b}') -> Pairs:
    return tuple((f'{ours}.{a}', f'{theirs}.{b}')
                 for a, b in zip(_OUR_BLOCK, layers) if b)


_STEM = 'backbone.downsample_layers.0'
_REDUCTION = 'backbone.downsample_layers.{s}'
_NORM = 'backbone.norm{last}.{p}'
_STAGES = range(9)  # for code bases that count them in another way
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
    Format('OpenMMLab, mmpretrain and this package',
           r'stages\.\d+\.\d+\.depthwise_conv\.weight', ('backbone.', )),
    'official':
    Format(
        'the released files of ConvNeXt V2, ConvNeXt and DINOv3, and what '
        'their fine-tuning writes',
        r'stages\.\d+\.\d+\.dwconv\.weight',
        wrappers=('encoder.', 'backbone.'),
        network=((f'{_REDUCTION}.{{k}}.{{p}}',
                  'downsample_layers.{s}.{k}.{p}'),
                 *_block('stages.{s}.{b}', _OFFICIAL_BLOCK),
                 (_NORM, 'norm.{p}')),
        heads=_OFFICIAL_HEADS,
        # DINOv3 holds its last norm twice.
        only_read=(('backbone.norm{n}.{p}', 'norm{n}.{p}'),
                   ('backbone.norm{n}.{p}', 'norms.{n}.{p}')),
        vectors=_OFFICIAL_VECTORS,
        as_convs=r'(proj|pred)\.weight'),
    'official-isotropic':
    Format(
        "ConvNeXt's isotropic models: one stage, and no norm in the stem",
        r'blocks\.\d+\.dwconv\.weight',
        network=((f'{_STEM}.0.{{p}}', 'stem.{p}'),
                 *_block('blocks.{b}', _OFFICIAL_BLOCK,
                         'backbone.stages.0.{b}'), (_NORM, 'norm.{p}')),
        heads=(('head.fc.{p}', 'head.{p}'), )),
    # Layers of MinkowskiEngine; the stem and the decoder are dense.
    'official-pretraining':
    Format(
        "what ConvNeXt V2's main_pretrain.py writes and main_finetune.py "
        '--finetune reads',
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
        "timm, also with features_only, and what is built on it: OpenCLIP, "
        "segmentation_models_pytorch's tu-convnext_*",
        r'stages[._]\d+\.blocks\.\d+\.conv_dw\.weight',
        network=((f'{_STEM}.{{k}}.{{p}}', 'stem.{k}.{p}'),
                 (f'{_REDUCTION}.{{k}}.{{p}}',
                  'stages.{s}.downsample.{k}.{p}'),
                 *_block('stages.{s}.blocks.{b}', _TIMM_BLOCK),
                 (_NORM, 'head.norm.{p}')),
        heads=(('head.fc.{p}', 'head.fc.{p}'), ),
        only_read=((_NORM, 'norm_pre.{p}'),
                   (f'{_STEM}.{{k}}.{{p}}', 'stem_{k}.{p}'),
                   (f'{_REDUCTION}.{{k}}.{{p}}',
                    'stages_{s}.downsample.{k}.{p}'),
                   *_block('stages_{s}.blocks.{b}', _TIMM_BLOCK)),
        # In the smaller models only; see ``convert.from_ours``.
        as_convs=r'stages\..*\.mlp\.fc[12]\.weight'),
    'huggingface':
    Format(
        'transformers: ConvNextV2 and ConvNext, for classes or as backbones',
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
                        for i in _STAGES),
        vectors=((r'.*grn\.(weight|bias)', (1, 1, 1, -1)), )),
    'huggingface-dinov3':
    Format(
        'transformers: DINOv3ConvNext',
        r'stages\.\d+\.layers\.\d+\.depthwise_conv\.weight',
        wrappers=('model.', ),  # since transformers 5
        network=((f'{_REDUCTION}.{{k}}.{{p}}',
                  'stages.{s}.downsample_layers.{k}.{p}'),
                 *_block('stages.{s}.layers.{b}', _DINOV3_BLOCK),
                 (_NORM, 'layer_norm.{p}')),
        heads=((_NORM, 'layer_norm.{p}'), )),
    'torchvision':
    Format(
        'torchvision',
        r'features\.\d+\.\d+\.block\.0\.weight',
        network=tuple(
            pair for i in _STAGES
            for pair in ((f'{_REDUCTION}.{{k}}.{{p}}'.replace('{s}', str(i)),
                          f'features.{2 * i}.{{k}}.{{p}}'),
                         *_block(f'features.{2 * i + 1}.{{b}}',
                                 _TORCHVISION_BLOCK,
                                 f'backbone.stages.{i}.{{b}}'))) +
        ((_NORM, 'classifier.0.{p}'), ),
        heads=(('head.fc.{p}', 'classifier.2.{p}'), ),
        vectors=((r'.*layer_scale', (-1, 1, 1)), )),
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
