"""Every config that can be run: its form, its model and its optimizer."""
import ast
import re
from collections import Counter
from pathlib import PurePath

import numpy as np
import pytest
import torch
from config_run import CONFIGS, LEAVES, SOME_SLOW
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.config.recipe import recipe
from mmconvnextv2.engine.cpu import fit_amp_to_cpu
from mmconvnextv2.models.layers import ConvNeXtV2Block

# {task}_{encoder}_{size}[_variant]_{data}[_{pixels}]; no task: a classifier.
_NAME = re.compile(r'([a-z0-9_]+_)?(convnext(v1_([atsbl]|xl)|v2_[afpntblh])|'
                   r'(swin|vit)_[bl]_(beit|mae|simmim))'
                   r'(_[a-z0-9]+)*_(coco|shapes|in1k|in22k|ade20k|'
                   r'cub|sardet|sar_aircraft)(_\d+)?|'
                   r'roadmap_[tb]_\d\d_[a-z0-9_]+_in1k|'
                   r'(cascade_)?maskrcnn_(r50|x101_(32|64)|swin_t)_coco')
# By folder.
_MAX_LINES = dict(configs=25, ablations=25, roadmap=25, baselines=45)


def base_files(path):
    """Files that a config names as its bases, as it names them."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            named = ast.literal_eval(node.value)
            return [named] if isinstance(named, str) else named
    return []


def build(cfg):
    """Model without values, and the wrapper that its optimizer comes in."""
    fit_amp_to_cpu(cfg, lambda text: None)
    with DefaultScope.overwrite_default_scope(cfg.default_scope), \
            torch.device('meta'):
        # Swin reads values of tensors while it is built.
        where = 'cpu' if 'swin' in cfg.filename else 'meta'
        with torch.device(where):
            model = MODELS.build(cfg.model)
        return model, build_optim_wrapper(model, cfg.optim_wrapper)


@pytest.mark.parametrize('name', LEAVES)
def test_name_and_form(name):
    assert _NAME.fullmatch(name)
    text = LEAVES[name].read_text()
    folder = LEAVES[name].parent.name
    assert len(text.splitlines()) <= _MAX_LINES[folder]
    # The first comment says how to run it.
    comment = re.match(r'(#.*\n)+', text).group()
    command = re.search(
        r'^# +(python tools/train\.py|bash tools/dist_train\.sh) '
        rf'(configs/{name}\.py|{name})( \d+)?$', comment, re.MULTILINE)
    assert command, comment
    # Short enough without the folder, for that.
    assert command.group(2).startswith('configs/') is (folder == 'configs')


@pytest.mark.parametrize(
    'path',
    sorted(CONFIGS.rglob('*.py')),
    ids=lambda path: str(path.relative_to(CONFIGS)))
def test_bases_are_in_the_folder(path):
    # A base of another package would bind a config to one stack.
    for named in base_files(path):
        base = (path.parent / named).resolve()
        assert base.is_relative_to(CONFIGS.resolve()), named
        assert base.is_file(), named


@pytest.mark.parametrize('name', [
    x for x in SOME_SLOW  # that decay by layers
    if not re.search('roadmap|_r50_|_x101_|_swin_t_', str(x))])
def test_model_and_optimizer_are_built(name):
    cfg = Config.fromfile(LEAVES[name])
    # Processes draw different masks, ratios, paths.
    assert cfg.randomness.diff_rank_seed
    model, wrapper = build(cfg)
    is_ours = 'convnext' in name
    assert isinstance(model.backbone, ConvNeXtV2) is is_ours
    assert (cfg.model.backbone.type == 'mmconvnextv2.ConvNeXtV2') is is_ours
    check = check_rates_and_drop_paths if is_ours else check_counted_rates
    check(cfg, model, wrapper)
    given = Counter(
        id(param) for group in wrapper.optimizer.param_groups
        for param in group['params'])
    assert given == Counter(
        id(param) for param in model.parameters() if param.requires_grad)


def check_rates_and_drop_paths(cfg, model, wrapper):
    """Compare what is built with the recipe, which the tables confirm."""
    found, backbone = recipe(cfg), model.backbone
    rates = {id(param): group['lr']
             for group in wrapper.optimizer.param_groups
             for param in group['params']}
    stem = rates.get(id(backbone.downsample_layers[0][0].weight))
    is_frozen = 'linear' in PurePath(cfg.filename).stem
    assert stem == (None if is_frozen else
                    pytest.approx(found['stem_lr'] or found['lr']))
    blocks = [x for x in backbone.modules() if isinstance(x, ConvNeXtV2Block)]
    drops = [getattr(x.drop_path, 'drop_prob', 0.) for x in blocks]
    np.testing.assert_allclose(
        drops, np.linspace(0, found['drop_path'], len(blocks)), rtol=1e-6)
    outside = {rates[id(x)] for name, x in model.named_parameters()
               if x.requires_grad and not name.startswith('backbone.')}
    assert outside == {found['lr']}


def check_counted_rates(cfg, model, wrapper):
    """Compare with powers of the decay rate, by mmpretrain's count."""
    lr, rate = recipe(cfg)['lr'], cfg.optim_wrapper.paramwise_cfg.decay_rate
    found = {id(param): group for group in wrapper.optimizer.param_groups
             for param in group['params']}
    # Swin-B and -L have 24 blocks, ViT-B has 12.
    last = 25 if 'swin' in cfg.filename else 13
    assert found[id(next(model.backbone.patch_embed.parameters()))][
        'lr'] == pytest.approx(lr * rate**last)
    for name, param in model.named_parameters():
        inside = name.removeprefix('backbone.')
        depth, count = model.backbone.get_layer_depth(inside)
        if inside == name:
            depth = last
        assert count == last + 1
        group = found[id(param)]
        assert group['lr'] == pytest.approx(lr * rate**(last - depth)), name
        is_flat = param.ndim < 2 or name.endswith(
            ('bias_table', 'cls_token', 'pos_embed'))
        assert (group['weight_decay'] == 0) is is_flat, name


@pytest.mark.parametrize('name', LEAVES)
def test_batch_that_the_learning_rate_is_for(name):
    cfg = Config.fromfile(LEAVES[name])
    processes = 1 if name.endswith('_shapes') else 8
    assert cfg.auto_scale_lr == dict(
        enable=False,
        base_batch_size=processes * cfg.train_dataloader.batch_size)
