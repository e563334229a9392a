"""Parameter groups as MMEngine's runner and schedulers meet them."""
import copy
import re

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from param_settings import LR, WEIGHT_DECAY, build
from torch import nn

from mmconvnextv2 import ConvNeXtV2, LayerDecayOptimWrapperConstructor

ARCH = dict(depths=(1, 2, 4, 2), channels=(4, 8, 8, 8))
CONSTRUCTOR = 'mmconvnextv2.LayerDecayOptimWrapperConstructor'


class Classifier(BaseModel):

    def __init__(self):
        super().__init__()
        self.backbone = ConvNeXtV2(ARCH)
        self.head = nn.Linear(8, 2)

    def forward(self, x, mode):
        return dict(loss=self.head(self.backbone(x)[-1]).square().mean())


def test_groups_are_few_and_the_first_has_the_full_rate():
    model = Classifier()
    groups = build(model, decay_rate=0.5).optimizer.param_groups
    settings = [(g['lr'], g['weight_decay']) for g in groups]
    # Scales 1 and 1/2 to 1/2^9, each with and without decay.
    assert settings == [(LR * 0.5**i, decay) for i in range(10)
                        for decay in (WEIGHT_DECAY, 0)]
    assert [g['lr_scale'] for g in groups[::2]] == [0.5**i for i in range(10)]
    assert set(groups[0]['params']) == {model.head.weight}


def test_full_rate_is_first_also_when_a_custom_key_asks_for_more():
    optim_wrapper = build(
        Classifier(), decay_rate=0.5, custom_keys={'head': dict(lr_mult=10.)})
    assert optim_wrapper.get_lr()['lr'][:4] == [LR, 10 * LR, 10 * LR, LR / 2]


def test_state_is_resumed_into_a_second_build():
    first, second = Classifier(), Classifier()
    second.load_state_dict(first.state_dict())
    x = torch.rand(2, 3, 32, 32)
    trained = build(first, decay_rate=0.5)
    trained.update_params(first(x, 'loss')['loss'])
    resumed = build(second, decay_rate=0.5)
    # A file does not share its tensors with the run that wrote it either.
    resumed.load_state_dict(copy.deepcopy(trained.state_dict()))
    second.load_state_dict(first.state_dict())
    for model, optim_wrapper in ((first, trained), (second, resumed)):
        optim_wrapper.update_params(model(x, 'loss')['loss'])
    for name, param in second.named_parameters():
        assert torch.equal(param, first.get_parameter(name)), name


def test_options_of_the_wrapper_and_the_optimizer_pass_through():
    cfg = dict(
        accumulative_counts=3,
        optimizer=dict(type='AdamW', lr=LR, betas=(0.9, 0.95)),
        constructor='LayerDecayOptimWrapperConstructor',
        paramwise_cfg=dict(decay_rate=0.9))
    optim_wrapper = build_optim_wrapper(Classifier(), cfg)
    assert optim_wrapper._accumulative_counts == 3
    assert {g['betas'] for g in optim_wrapper.param_groups} == {(0.9, 0.95)}
    assert cfg['paramwise_cfg'] == dict(decay_rate=0.9)


def test_runner_scales_schedules_and_logs_the_rates(tmp_path):
    runner = Runner(
        Classifier(),
        str(tmp_path),
        train_dataloader=dict(
            dataset=[dict(x=torch.rand(3, 32, 32)) for _ in range(4)],
            batch_size=2,
            collate_fn=dict(type='default_collate'),
            sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=False, max_iters=2),
        optim_wrapper=dict(
            optimizer=dict(type='AdamW', lr=LR, weight_decay=WEIGHT_DECAY),
            constructor=CONSTRUCTOR,
            paramwise_cfg=dict(decay_rate=0.5)),
        auto_scale_lr=dict(enable=True, base_batch_size=8),
        param_scheduler=dict(
            type='LinearLR', start_factor=0.1, begin=0, end=10,
            by_epoch=False),
        experiment_name=tmp_path.name)
    runner.train()
    # A quarter of the batch; warm-up from 0.1 in steps of 0.1.
    logged = runner.message_hub.get_scalar('train/lr').data[0]
    assert logged == pytest.approx([LR / 4 * 0.1, LR / 4 * 0.2])
    for group in runner.optim_wrapper.optimizer.param_groups:
        assert group['lr'] == pytest.approx(LR / 4 * 0.3 * group['lr_scale'])


def test_a_shared_parameter_is_taken_once_or_refused():
    model = Classifier()
    model.other = nn.Linear(8, 2, bias=False)
    model.other.weight = model.head.weight
    groups = build(model, decay_rate=0.5).optimizer.param_groups
    assert sum(len(g['params']) for g in groups) == len(
        list(model.parameters()))
    message = ('head.weight and other.weight are one parameter: with '
               'bypass_duplicate=True in paramwise_cfg it is taken once')
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        build(model, decay_rate=0.5, bypass_duplicate=False)


class ConvNeXt(nn.Linear):
    """Another package's, with other parameters."""


@pytest.mark.parametrize('model_class', [nn.Linear, ConvNeXt])
def test_model_without_such_a_backbone(model_class):
    message = (
        f'{model_class.__name__} has no backbone ConvNeXtV2 of mmconvnextv2 '
        'or ConvNeXt of mmpretrain, which layer decay needs: set one, or '
        'leave out optim_wrapper.constructor and paramwise_cfg')
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        build(model_class(2, 2), decay_rate=0.5)


def test_optimizer_without_weight_decay():
    cfg = dict(optimizer=dict(type='AdamW', lr=LR))
    model = Classifier()
    groups = LayerDecayOptimWrapperConstructor(
        cfg, dict(decay_rate=1.))(model).optimizer.param_groups
    # The optimizer's own default, and none.
    assert [g['weight_decay'] for g in groups] == [0.01, 0]
    message = ('the optimizer has no weight_decay that could be multiplied by '
               '0.5: set optim_wrapper.optimizer.weight_decay')
    with_scales = ConvNeXtV2(ARCH, layer_scale_init_value=1., use_grn=False)
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        LayerDecayOptimWrapperConstructor(
            cfg, dict(decay_rate=1., flat_decay_mult=0.5))(with_scales)


def table(constructor, model):
    """Lines of the description, cell by cell."""
    first, *lines = constructor.describe(model).splitlines()
    return first, [line.split(maxsplit=5) for line in lines[1:]]


def constructor(**paramwise_cfg):
    optimizer = dict(type='AdamW', lr=2e-4, weight_decay=WEIGHT_DECAY)
    return LayerDecayOptimWrapperConstructor(
        dict(optimizer=optimizer), paramwise_cfg)


def test_table_of_an_id_per_block_in_the_log(monkeypatch):
    model, messages = Classifier(), []
    monkeypatch.setattr(MMLogger, 'info',
                        lambda self, message: messages.append(message))
    ours = constructor(decay_rate=0.5)
    ours.add_params([], model)
    assert messages == [ours.describe(model)]
    lines = messages[0].splitlines()
    assert lines[:3] == [
        'Layer decay: rate 0.5, layer_wise (an id per block), backbone with '
        'depths (1, 2, 4, 2)',
        ' id   lr scale         lr      decayed  not decayed  layers',
        # Stem: 3 x 4 x 4 x 4 weights. Block: 49 x 4 and 2 x 4 x 16 weights.
        '  1   0.001953  3.906e-07          516           76  stem, stage 0 '
        'block 0',
    ]
    assert lines[-1] == (' 10          1  2.000e-04           16           18 '
                         ' norms, neck, heads')
    assert lines[5].endswith('downsampling 2, stage 2 block 0')


@pytest.mark.parametrize(('kind', 'size', 'ids', 'layers'), [
    ('group_wise', 'tiny', range(8), [
        'stem', 'stage 0 blocks 0-2', 'downsampling 1, stage 1 blocks 0-2',
        'downsampling 2, stage 2 blocks 0-2', 'stage 2 blocks 3-5',
        'stage 2 blocks 6-8', 'downsampling 3, stage 3 blocks 0-2',
        'norms, neck, heads'
    ]),
    ('stage_wise', 'base', [0, 1, 2, 3, 4, 13], [
        'stem, downsampling 1, downsampling 2, downsampling 3',
        'stage 0 blocks 0-2', 'stage 1 blocks 0-2', 'stage 2 blocks 0-26',
        'stage 3 blocks 0-2', 'norms, neck, heads'
    ]),
])
def test_table_of_the_other_rules(kind, size, ids, layers):
    with torch.device('meta'):
        model = ConvNeXtV2(size)
    first, rows = table(constructor(decay_rate=0.5, decay_type=kind), model)
    assert first.startswith(f'Layer decay: rate 0.5, {kind} (')
    assert first.endswith(f', the model with depths {model.depths}')
    assert [row[-1] for row in rows] == layers
    assert [int(row[0]) for row in rows] == list(ids)
    last = 13 if size == 'base' else 7
    assert [float(row[1]) for row in rows] == pytest.approx(
        [0.5**(last - i) for i in ids], rel=1e-3)


def test_table_of_two_backbones_and_a_custom_key():
    other = ConvNeXtV2(dict(depths=(1, 3), channels=(4, 8)))
    model = nn.ModuleDict(dict(a=ConvNeXtV2(ARCH), b=other))
    ours = constructor(
        decay_rate=0.5, custom_keys={'3.1.norm': dict(lr_mult=4.)})
    first, rows = table(ours, model)
    assert first.endswith('a with depths (1, 2, 4, 2), b with depths (1, 3)')
    # The last but one of b and of a, then the last of each.
    assert [row[:2] + row[5:] for row in rows[-7:]] == [
        ['3', '0.25', 'stage 1 block 1'],
        ['8', '0.25', 'downsampling 3, stage 3 block 0'],
        ['4', '0.5', 'stage 1 block 2'],
        ['9', '0.5', 'stage 3 block 1'],
        ['9', '2', 'stage 3 block 1'],
        ['5', '1', 'norms, neck, heads'],
        ['10', '1', 'norms, neck, heads'],
    ]
