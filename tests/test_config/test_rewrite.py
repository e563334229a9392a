"""Configs of other packages with our backbone: what is set, and refused."""
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from torch import nn

from mmconvnextv2.config.rewrite import check, rewrite
from mmconvnextv2.config.rewrite.channels import find_readers
from mmconvnextv2.config.rewrite.probe import Outputs
from mmconvnextv2.config.rewrite.source import folder_of
from mmconvnextv2.config.rewrite.text import Name, assignments, written
from mmconvnextv2.config.rewrite.training import optimizer_settings, recipe_of
from mmconvnextv2.errors import CommandError

_URL = ('https://download.openmmlab.com/mmclassification/v0/convnext-v2/'
        'convnext-v2-')


def load(name):
    package, inner = name.split('::')
    return Config.fromfile(folder_of(package) / inner)


def settings_of(name, arch='tiny'):
    """Settings as MMEngine's options name them, without those of each."""
    found = rewrite(load(name), arch).settings
    return {
        '.'.join(map(str, path)).removeprefix('model.'): value
        for path, value in found.items() if path[0] == 'model'
        and not isinstance(value, dict)
    }


PAGE = Path(__file__).parents[2] / 'docs' / 'use_backbone.md'
RETINANET = PAGE.read_text().split('```python\n')[1].split('```')[0].replace(
    'https://download.openmmlab.com/...',
    f'{_URL}tiny_fcmae-pre_3rdparty_in1k_20230104-471a86de.pth')
DEEPLAB = f"""\
# ConvNeXt V2 atto as model.backbone instead of ResNetV1c 50.
# Strides 4, 16, 32, channels 40, 160, 320; before: strides 4, 8, 8, channels
#   256, 1024, 2048.
# AdamW and layer decay instead of SGD, as in upernet_convnextv2_a_ade20k, for
#   16 images a step.
# Written by: use_backbone.py NAME
_base_ = 'deeplab.py'
custom_imports = dict(imports=['mmconvnextv2'], allow_failed_imports=False)

checkpoint = '{_URL}atto_fcmae-pre_3rdparty_in1k_20230104-23765f83.pth'  # noqa: E501
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmconvnextv2.ConvNeXtV2',
        arch='atto',
        out_indices=[0, 2, 3],
        gap_before_final_norm=False,
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint=checkpoint),
    ),
    decode_head=dict(in_channels=320, c1_in_channels=40, in_index=2),
    auxiliary_head=dict(in_channels=160, in_index=1),
    pretrained=None,
)
optim_wrapper = dict(
    constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(decay_rate=0.9, decay_type='layer_wise'),
    optimizer=dict(_delete_=True, type='AdamW', lr=0.0001, weight_decay=0.05),
)
_base_.param_scheduler[0].eta_min = 0
"""  # noqa: E501


@pytest.mark.parametrize('name, arch, base, command, expected', [
    ('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py', 'tiny',
     'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
     'use_backbone.py retinanet_r50_fpn_1x_coco --arch tiny', RETINANET),
    ('mmseg::deeplabv3plus/deeplabv3plus_r50-d8_4xb4-80k_ade20k-512x512.py',
     'atto', 'deeplab.py', 'use_backbone.py NAME', DEEPLAB),
])
def test_text_is_what_a_person_would_write(tmp_path, name, arch, base,
                                           command, expected):
    text = rewrite(load(name), arch).text(base, command)
    assert text == expected
    assert len(text.splitlines()) <= 40
    pytest.importorskip('ruff')
    file = tmp_path / 'config.py'
    file.write_text(text)
    ruff = [sys.executable, '-m', 'ruff']
    for command in (['format', '--check', '--isolated', '--line-length=79',
                     "--config=format.quote-style='single'"],
                    ['check', '--config', 'pyproject.toml', '--ignore=F821',
                     '--ignore=I001']):
        subprocess.run([*ruff, *command, str(file)], check=True)


CHANNELS = {
    # Levels from the coarsest to the finest.
    'mmdet::yolo/yolov3_d53_8xb8-ms-416-273e_coco.py':
    {'neck.in_channels': [768, 384, 192]},
    'mmdet::centernet/centernet_r18_8xb16-crop512-140e_coco.py':
    {'neck.in_channels': 768},
    # No neck: heads and what cuts out regions read the map, of stride 16.
    'mmdet::faster_rcnn/faster-rcnn_r50-caffe-dc5_1x_coco.py': {
        'rpn_head.in_channels': 384,
        'roi_head.bbox_roi_extractor.out_channels': 384,
        'roi_head.bbox_head.in_channels': 384,
    },
    # A neck that hands maps on before its own, which heads read.
    'mmdet::ssd/ssd300_coco.py': {
        'neck.in_channels': (192, 384),
        'neck.out_channels': (192, 384, 512, 256, 256, 256),
        'bbox_head.in_channels': (192, 384, 512, 256, 256, 256),
    },
    'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco.py':
    {'panoptic_head.in_channels': [96, 192, 384, 768]},
    # A neck that hands one map on as it is.
    'mmseg::fastfcn/fastfcn_r50-d32_jpu_psp_4xb4-80k_ade20k-512x512.py': {
        'neck.in_channels': (192, 384, 768),
        'auxiliary_head.in_channels': 384,
        'pretrained': None,
    },
    # A plain transformer's neck makes the pyramid that our stages are.
    'mmseg::beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py': {
        'neck': None,
        'decode_head.in_channels': [96, 192, 384, 768],
        'auxiliary_head.in_channels': 384,
        'pretrained': None,
    },
    # A head without convolutions has its map's channels.
    'mmseg::segmenter/segmenter_vit-s_fcn_8xb1-160k_ade20k-512x512.py': {
        'decode_head.in_channels': 768,
        'decode_head.channels': 768,
        'pretrained': None,
    },
    # Heads in a list; the second reads what the first makes of the maps.
    'mmseg::point_rend/pointrend_r50_4xb2-80k_cityscapes-512x1024.py':
    {'neck.in_channels': [96, 192, 384, 768], 'pretrained': None},
    'mmseg::ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024.py': {
        'decode_head.0.in_channels': [96, 192, 384, 768],
        'decode_head.1.in_channels': [96, 192, 384, 768],
        'pretrained': None,
    },
    # Tokens that a neck averages, as ours are before the norm.
    'mmpretrain::mlp_mixer/mlp-mixer-base-p16_64xb64_in1k.py': {'neck': None},
    # Heads in a list, and 512 channels that are none of the backbone.
    'mmseg::knet/knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512.py': {
        'decode_head.kernel_generate_head.in_channels': 768,
        'decode_head.kernel_generate_head.in_index': 1,
        'auxiliary_head.in_channels': 384,
        'auxiliary_head.in_index': 0,
        'pretrained': None,
    },
    'mmpretrain::resnet/resnet50_8xb32_in1k.py':
    {'neck': None, 'head.in_channels': 768},
    'mmpretrain::mocov2/mocov2_resnet50_8xb32-coslr-200e_in1k.py':
    {'neck.in_channels': 768},
}


def some_slow(names, *fast):
    """Parameters, of which all but some are slow."""
    return [pytest.param(
        x, id=x.split('/')[-1], marks=() if any(
            y in x for y in fast) else pytest.mark.slow) for x in names]


@pytest.mark.parametrize('name', some_slow(
    CHANNELS, '/centernet', '/faster-rcnn', '/knet', '/resnet50'))
def test_readers_get_the_new_channels(name):
    found = settings_of(name)
    assert {k: v for k, v in found.items()
            if 'data_preprocessor' not in k} == CHANNELS[name]


REFUSED = {
    'mmdet::mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco.py':
    'roi_head.shared_head is a ResLayer, the last stage of a ResNet: such a '
    '"C4" head is half of the backbone. Take the config with FPN',
    'mmdet::detectors/detectors_htc-r50_1x_coco.py':
    'neck (RFP) leads its maps back into a second backbone of a type of its '
    'own',
    'mmdet::cornernet/cornernet_hourglass104_8xb6-210e-mstest_coco.py':
    'its heads count on maps of strides [4, 4]; those of ConvNeXt V2 are '
    '[4, 8, 16, 32], of which the first alone are too few layers',
    'mmseg::bisenetv1/'
    'bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024.py':
    'BiSeNetV1 is a whole network around a backbone of its own '
    '(backbone_cfg)',
    'mmseg::erfnet/erfnet_fcn_4xb4-160k_cityscapes-512x1024.py':
    'its backbone gives maps of stride 2 at last: it is the whole network, '
    'with the way back to fine maps',
    'mmseg::unet/unet-s5-d16_fcn_4xb4-160k_cityscapes-512x1024.py':
    'its backbone gives maps of strides [16, 8, 4, 2, 1] and channels [1024, '
    '512, 256, 128, 64], not those of stages that become coarser and wider: '
    'it is more than a backbone',
    'mmseg::ddrnet/ddrnet_23-slim_in1k-pre_2xb6-120k_cityscapes-1024x1024.py':
    'DDRNet gives other outputs in training than in prediction: it is more '
    'than a backbone',
    'mmseg::san/san-vit-b16_coco-stuff164k-640x640.py':
    'MultimodalEncoderDecoder has no part that is called backbone, only type,'
    ' data_preprocessor, pretrained, asymetric_input, encoder_resolution, '
    'image_encoder, text_encoder, decode_head, train_cfg, test_cfg',
    'mmpretrain::mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py':
    'its heads read outputs of the shapes (2, 50, 768), (2, 196), (2, 196); '
    'those of ConvNeXt V2 are maps, or one vector an image',
    'mmpretrain::beit/beit_beit-base-p16_8xb256-amp-coslr-300e_in1k.py':
    'BEiTPretrainViT cannot be built, or run on images or maps alone: '
    "TypeError: BEiTPretrainViT.forward() missing 1 required positional "
    "argument: 'mask'",
    'mmpretrain::dinov2/vit-small-p14_dinov2-pre_headless.py':
    'it has no head: the backbone is all there is',
    'mmdet::common/lsj-100e_coco-detection.py': 'it has no model',
}


@pytest.mark.parametrize('name', some_slow(
    REFUSED, '/mask_rcnn', '/detectors', '/bisenet', '/san', '/dinov2'))
def test_refused_with_the_reason(name):
    with pytest.raises(CommandError) as caught:
        rewrite(load(name), 'tiny')
    assert str(caught.value) == REFUSED[name]


@pytest.mark.slow
def test_heads_that_need_maps_of_one_size_are_refused_when_tried(tmp_path):
    """OCR's first head reads a map that is as large as the second's."""
    name = 'mmseg::ocrnet/ocrnet_r101-d8_4xb2-40k_cityscapes-512x1024.py'
    cfg = load(name)
    with pytest.raises(CommandError, match='its heads take other maps than '
                                           'those of ConvNeXt V2: Cascade'):
        check(written_config(name, tmp_path), cfg)


def written_config(name, folder, **options):
    """Rewrite a config into a file and load that."""
    package, inner = name.split('::')
    file = folder / 'new.py'
    found = rewrite(load(name), options.pop('arch', 'atto'), **options)
    file.write_text(found.text(str(folder_of(package) / inner), 'test'))
    return Config.fromfile(file)


@pytest.mark.slow
def test_settings_within_lists_reach_the_config(tmp_path):
    cfg = written_config(
        'mmseg::ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024.py',
        tmp_path)
    assert [x.in_channels for x in cfg.model.decode_head] == [
        [40, 80, 160, 320]] * 2
    assert cfg.param_scheduler[0].eta_min == 0
    assert 'norm_cfg' not in cfg.model.backbone
    check(cfg, cfg)


@pytest.mark.slow
def test_yolox_is_trained_as_its_batch_and_schedule_ask(tmp_path):
    """Images without statistics, 64 a step, and a rate that ends above 0."""
    cfg = written_config('mmdet::yolox/yolox_s_8xb8-300e_coco.py', tmp_path)
    assert cfg.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert cfg.model.data_preprocessor.bgr_to_rgb is True
    assert cfg.optim_wrapper.optimizer == dict(
        type='AdamW', lr=4e-4, weight_decay=0.05)
    assert cfg.optim_wrapper.paramwise_cfg == dict(
        decay_rate=0.95, decay_type='group_wise')
    cosine = cfg.param_scheduler[1]
    assert (cosine.eta_min, cosine.eta_min_ratio) == (None, 0.05)
    check(cfg, cfg)


@pytest.mark.slow
def test_optimizers_other_than_sgd_stay_and_sgd_if_asked(tmp_path):
    dino = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'
    cfg = written_config(dino, tmp_path)
    assert cfg.optim_wrapper == load(dino).optim_wrapper
    retinanet = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
    cfg = written_config(retinanet, tmp_path, keep_optimizer=True)
    assert cfg.optim_wrapper.optimizer.type == 'SGD'
    # A constructor that knows the layers of its own network is replaced.
    beit = 'mmseg::beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py'
    wrapper = written_config(beit, tmp_path).optim_wrapper
    assert wrapper.constructor == (
        'mmconvnextv2.LayerDecayOptimWrapperConstructor')
    assert wrapper.optimizer == load(beit).optim_wrapper.optimizer
    assert wrapper.paramwise_cfg == dict(
        decay_rate=0.9, decay_type='layer_wise')


COSINE = dict(type='CosineAnnealingLR', eta_min=1e-4)
MIDWAY = {'eta_min': None, 'eta_min_ratio': 0.1}


@pytest.mark.parametrize('optimizer, schedule, expected', [
    (dict(lr=1e-3), [COSINE], MIDWAY),
    ({}, [COSINE], MIDWAY),  # SGD's own rate, 1e-3
    (dict(lr=None), [COSINE], MIDWAY),
    (dict(lr=0), [COSINE], {'eta_min': 0}),
    (dict(lr=1e-3), [dict(type='PolyLR', eta_min=1e-4)], {'eta_min': 0}),
    ({}, [dict(type='UnheardOfLR', eta_min=1e-4)], {'eta_min': 0}),
    ({}, [dict(type='CosineAnnealingMomentum', eta_min=0.85)], {}),
    ({}, [dict(eta_min=1e-4)], {}),
    ({}, [None], {}),
    ({}, 'cosine', {}),
    (dict(lr=1e-3), dict(generator=[COSINE]), {}),
])
def test_odd_rates_and_schedules(optimizer, schedule, expected):
    cfg = Config(dict(
        optim_wrapper=dict(optimizer=dict(type='SGD', **optimizer),
                           accumulative_counts=None),
        auto_scale_lr=dict(base_batch_size=None), param_scheduler=schedule))
    found = optimizer_settings(cfg, recipe_of('mmdet', 'tiny')[1])
    assert found['optim_wrapper', 'optimizer']['lr'] == 1e-4
    assert {path[-1]: value for path, value in found.items()
            if path[0] == 'param_scheduler'} == expected


@pytest.mark.parametrize('cfg', [
    {}, dict(optim_wrapper=None), dict(optim_wrapper='SGD'),
    dict(optim_wrapper=dict(optimizer='SGD'))])
def test_no_optimizer_that_could_be_read(cfg):
    assert optimizer_settings(cfg, recipe_of('mmdet', 'tiny')[1]) == {}


@pytest.mark.parametrize('optimizer, images, eta_min, message', [
    (dict(lr='1e-3'), 16, 1e-4, "lr must be a number, got '1e-3'"),
    ({}, '16', 1e-4, "base_batch_size must be a number, got '16'"),
    ({}, 16, [0], r'eta_min must be a number, got \[0\]'),
])
def test_rates_that_are_no_numbers(optimizer, images, eta_min, message):
    cfg = dict(
        optim_wrapper=dict(optimizer=dict(type='SGD', **optimizer)),
        auto_scale_lr=dict(base_batch_size=images),
        param_scheduler=[dict(COSINE, eta_min=eta_min)])
    with pytest.raises(CommandError, match=message + '; --keep-optimizer '
                                           'leaves all settings of training'):
        optimizer_settings(cfg, recipe_of('mmdet', 'tiny')[1])


@pytest.mark.parametrize('weights, init', [
    ('', None), ('mine.pth', dict(type='Pretrained', checkpoint='mine.pth'))])
def test_weights(tmp_path, weights, init):
    cfg = written_config('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py',
                         tmp_path, weights=weights)
    assert cfg.model.backbone.get('init_cfg') == init


@pytest.mark.slow
def test_frozen_backbones_stay_frozen_and_one_stage_is_forgotten(tmp_path):
    linear = ('mmpretrain::mocov2/benchmarks/'
              'resnet50_8xb32-linear-steplr-100e_in1k.py')
    assert written_config(linear, tmp_path).model.backbone.frozen_stages == 4
    retinanet = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
    assert load(retinanet).model.backbone.frozen_stages == 1
    backbone = written_config(retinanet, tmp_path).model.backbone
    assert 'frozen_stages' not in backbone


@pytest.mark.slow
def test_maps_that_nothing_reads_are_left_out(tmp_path):
    """CenterNet's neck reads the last; others have no argument for it."""
    name = 'mmdet::centernet/centernet_r18_8xb16-crop512-140e_coco.py'
    cfg = written_config(name, tmp_path)
    assert cfg.model.backbone.out_indices == [3]
    assert 'find_unused_parameters' not in cfg
    for name in (
            'mmdet::nas_fcos/'
            'nas-fcos_r50-caffe_fpn_nashead-gn-head_4xb4-1x_coco.py',
            'mmseg::encnet/encnet_r50-d8_4xb4-80k_ade20k-512x512.py'):
        found = rewrite(load(name), 'atto').settings
        assert found['find_unused_parameters', ] is True


def test_values_are_written_as_by_a_person():
    settings = {
        ('a', ): (1, ),
        ('b', 'c'): dict(_delete_=True, x=Name('y'), z=[0.5, 'w']),
        ('b', 'd', 0, 'e'): None,
    }
    assert assignments(settings) == [
        'a = (1,)', "b = dict(c=dict(_delete_=True, x=y, z=[0.5, 'w']))",
        '_base_.b.d[0].e = None'
    ]
    assert written([10**30, 10**30, 10**30], 8) == (
        f'[\n    {10**30},\n    {10**30},\n    {10**30},\n]')


class Widened(nn.Module):
    """A neck that multiplies all its channels, as mmyolo's do."""

    def __init__(self, in_channels, out_channels, widen_factor=1.):
        super().__init__()
        many = isinstance(out_channels, list)
        out = out_channels if many else [out_channels] * len(in_channels)
        self.layers = nn.ModuleList(
            nn.Conv2d(int(a * widen_factor), int(b * widen_factor), 1)
            for a, b in zip(in_channels, out))

    def forward(self, x):
        return tuple(layer(y) for layer, y in zip(self.layers, x))


@pytest.mark.parametrize('out, new', [(256, 64), ([512, 256], [128, 64])])
def test_necks_that_multiply_their_channels_take_ours_as_they_are(out, new):
    old = Outputs([(2, 128, 32, 32), (2, 256, 16, 16)], (2, 3, 256, 256))
    ours = Outputs([(2, 80, 32, 32), (2, 160, 16, 16)], old.image)
    neck = dict(type=Widened, in_channels=[512, 1024], out_channels=out,
                widen_factor=0.25)
    found = find_readers(dict(neck=neck), old, ours, 'mmdet')
    assert found.levels == {0, 1}
    assert found.settings == {
        ('neck', 'widen_factor'): 1., ('neck', 'in_channels'): [80, 160],
        ('neck', 'out_channels'): new}


def test_heads_read_what_such_a_neck_gives_that_keeps_its_channels():
    old = Outputs([(2, 128, 32, 32), (2, 256, 16, 16)], (2, 3, 256, 256))
    ours = Outputs([(2, 80, 32, 32), (2, 160, 16, 16)], old.image)
    part = dict(in_channels=[512, 1024], widen_factor=0.25)
    owner = dict(
        neck=dict(type=Widened, out_channels=[512, 1024], **part),
        bbox_head=dict(head_module=part),
        mask_head=dict(in_channels=1024, widen_factor=0.25))
    assert find_readers(owner, old, ours, 'mmdet').settings == {
        ('neck', 'in_channels'): [80, 160], ('neck', 'widen_factor'): 1.,
        ('neck', 'out_channels'): [80, 160],
        ('bbox_head', 'head_module', 'in_channels'): [80, 160],
        ('bbox_head', 'head_module', 'widen_factor'): 1.,
        ('mask_head', 'in_channels'): 160, ('mask_head', 'widen_factor'): 1.}


def test_collate_functions_get_no_scope():
    cfg = load('mmpretrain::resnet/resnet50_8xb32_in1k.py')
    cfg.train_dataloader.collate_fn = dict(type='default_collate')
    found = rewrite(cfg, 'atto').settings
    assert found['train_dataloader', 'collate_fn'] == dict(
        _delete_=True, type='default_collate')
