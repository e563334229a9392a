"""A config made small: a step of the real thing, in a second on one core.

Kept as they are: every type, the heads, losses, pipelines and hooks, the
optimizer with its constructor and rates. Reduced: the encoder's depth and
width, the heads' width, how many boxes are sampled, images and batch.
"""
from pathlib import Path
from typing import Any, Callable

from mmengine.config import Config, ConfigDict
from others_data import make_aircraft, make_cub, make_sardet

from mmconvnextv2.config.recipe_data import pipeline_of
from mmconvnextv2.datasets import CLASSES
from mmconvnextv2.engine.cpu import fit_amp_to_cpu

ARCH = dict(depths=[1, 1, 2, 1], channels=[8, 16, 32, 64])
SIDE = 64  # pixels, of the largest crop
BATCH = 2
# Of the backbones of others, by a part of their types' names.
_OTHER_ARCHS = {
    'Swin': dict(embed_dims=8, depths=[1, 1, 2, 1], num_heads=[1, 1, 2, 2]),
    'ViT': dict(
        embed_dims=64, num_layers=2, num_heads=2, feedforward_channels=64),
}
_OTHER_ARCHS['VisionTransformer'] = _OTHER_ARCHS['ViT']
# Of heads; FPN's width is kept.
_WIDTHS = ('fc_out_channels', 'conv_out_channels', 'decoder_channels')
_SIZES = ('scale', 'scales', 'crop_size', 'size')
# The data sets' own roots, and which layout of the shapes lies there.
_ROOTS = {
    'data/coco': '', 'data/ade/ADEChallengeData2016': 'ade',
    'data/imagenet': 'imagenet', 'data/imagenet22k': 'imagenet',
    'data/shapes': ''
}


def link_data(folder: Path, shapes: Path) -> None:
    """Put the shapes where configs, seen from the folder, expect data."""
    for root, layout in _ROOTS.items():
        (folder / root).parent.mkdir(parents=True, exist_ok=True)
        (folder / root).symlink_to(shapes / layout)
    make_cub(folder / 'data/CUB_200_2011', shapes)
    make_sardet(folder / 'data/SARDet_100K', shapes)
    make_aircraft(folder / 'data/SAR-AIRcraft-1.0', shapes)


def reduce(cfg: Config, work_dir: Path) -> None:
    """Make a config train one step on a few shapes; changes it in place."""
    _drop_weights(cfg)
    _reduce_model(cfg.model)
    _reduce_images(cfg)
    _reduce_run(cfg)
    fit_amp_to_cpu(cfg, lambda text: None)
    cfg.work_dir = str(work_dir)
    cfg.visualizer.name = cfg.experiment_name = work_dir.name


def _each_dict(node: Any, change: Callable[[dict], None]) -> None:
    if isinstance(node, dict):
        change(node)
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for item in node:
            _each_dict(item, change)


def _drop_weights(cfg: Config) -> None:

    def drop(node: dict) -> None:
        init = node.get('init_cfg')
        if isinstance(init, dict) and init.get('type') == 'Pretrained':
            node['init_cfg'] = None

    _each_dict(cfg.model, drop)
    cfg.load_from = None


def _reduce_model(model: ConfigDict) -> None:
    backbone = model.backbone
    if 'RoadmapNet' in backbone.type:
        backbone.update(depths=ARCH['depths'], width=ARCH['channels'][0],
                        layer_scale_init_value=0., drop_path_rate=0.01)
        model.head.in_channels = ARCH['channels'][3] * (
            1 if backbone.get('inverted') else 4)
        return
    if backbone.type.startswith('Res'):  # stays as it is
        backbone.zero_init_residual = False  # else gradients would be 0
        return _narrow_heads(model)
    backbone.arch = next((arch for part, arch in _OTHER_ARCHS.items()
                          if part in backbone.type), ARCH)
    if 'img_size' in backbone:
        backbone.img_size = SIDE
    elif 'Swin' in backbone.type:
        backbone.window_size = 2
    if 'stem_norm' in backbone:  # one stage behind patches of 16
        backbone.arch = dict(depths=[2], channels=ARCH['channels'][-1:])
    # A block that is left out of both images would learn nothing.
    if backbone.get('drop_path_rate'):
        backbone.drop_path_rate = 0.01
    given = backbone.get('out_indices', [3])
    channels = [ARCH['channels'][i] for i in given]
    readers = [model.get('neck')] if 'in_channels' in (
        model.get('neck') or {}) else [
            model.get(x)
            for x in ('decode_head', 'auxiliary_head', 'head')
            if model.get(x)
        ]
    for reader in readers:
        index = reader.get('in_index', -1)
        is_list = isinstance(reader.in_channels, (list, tuple))
        reader.in_channels = channels if is_list else channels[index]
    _narrow_heads(model)


def _narrow_heads(model: ConfigDict) -> None:

    def narrow(node: dict) -> None:
        # Behind 1e-6 a first step may be lost in rounding.
        if node.get('layer_scale_init_value'):
            node['layer_scale_init_value'] = 1.
        # Of two ReLUs both may be dead.
        if node.get('type') in ('SE', 'CBAM'):
            node['ratio'] = 2
        # Its widths fall to an eighth.
        if str(node.get('type')).endswith('UNetDecoder'):
            node['decoder_channels'] = 256
        if str(node.get('type')).endswith('TransformerDecoder'):
            node.update(grid=SIDE // 32, depth=1, decoder_channels=32)
        for key in _WIDTHS:
            if key in node:
                node[key] = 32
        if str(node.get('type')).endswith(('UPerHead', 'FCNHead')):
            node['channels'] = 16
        if 'nms_pre' in node:
            node.update(nms_pre=100, max_per_img=30)

    _each_dict(model, narrow)
    settings = model.get('train_cfg') or {}
    if 'rpn' in settings:
        # The anchors of the coarse levels are larger than the images.
        settings.rpn.allowed_border = -1
        settings.rpn.sampler.num = 512
    rcnn = settings.get('rcnn') or []
    for stage in rcnn if isinstance(rcnn, (list, tuple)) else [rcnn]:
        stage.sampler.num = 16


def _reduce_images(cfg: Config) -> None:
    steps = pipeline_of(cfg.train_dataloader)
    # Of a range of sizes, what is cut out in the end counts.
    sides = [
        _shorter_side(step[key]) for step in steps
        for key in ('crop_size', 'scale', 'scales')
        if step.get(key) and 'ratio_range' not in step
    ]
    factor = SIDE / max(sides)

    def shrink(node: dict) -> None:
        for key in _SIZES:
            if node.get(key):
                node[key] = _scaled(node[key], factor)

    for step in steps:
        shrink(step)
    for part in (cfg.model, cfg):
        _each_dict(part.get('data_preprocessor'), shrink)
    _reduce_dataset(cfg)


def _shorter_side(size: Any) -> int:
    """Of a side, a pair of sides, or the largest of several pairs."""
    if isinstance(size, int):
        return size
    if isinstance(size[0], int):
        return min(size)
    return max(map(_shorter_side, size))


def _scaled(size: Any, factor: float) -> Any:
    if isinstance(size, int):
        return round(size * factor)
    return type(size)(_scaled(x, factor) for x in size)


def _reduce_dataset(cfg: Config) -> None:
    loader = cfg.train_dataloader
    loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
    loader.pop('prefetch_factor', None)
    dataset = loader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    dataset.indices = BATCH
    # Data are few: MMEngine's way to share them takes a second.
    dataset.serialize_data = False
    # ADE20KDataset's classes cannot be replaced, but its labels fit.
    if dataset.type in ('mmconvnextv2.CocoByNameDataset', 'ImageNet',
                        'ImageNet21k') and 'SARDet' not in dataset.data_root:
        dataset.metainfo = dict(classes=CLASSES)


def _reduce_run(cfg: Config) -> None:
    cfg.randomness = dict(cfg.get('randomness', {}), seed=0)
    cfg.optim_wrapper.accumulative_counts = 1
    for phase in cfg.param_scheduler:
        if phase.type == 'LinearLR':
            phase.start_factor = 1.
    length = 'max_epochs' if 'max_epochs' in cfg.train_cfg else 'max_iters'
    cfg.train_cfg[length] = 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    # The five classes of the shapes are fewer than the recipe's.
    cfg.default_hooks.pop('num_classes', None)
