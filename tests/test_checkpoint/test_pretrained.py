"""init_cfg=dict(type='Pretrained', ...) of the backbone."""
import re

import pytest
import torch
from checkpoint_reference import (
    ARCH,
    ISOTROPIC,
    V1,
    as_model,
    assert_same,
    official_state,
    pretraining_state,
    random_backbone,
)
from mmengine.model import BaseModule, PretrainedInit
from timm.models._manipulate import adapt_input_conv
from torch import nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.checkpoint import (
    FORMATS,
    CheckpointError,
    from_ours,
    write_checkpoint,
)
from mmconvnextv2.checkpoint.pretrained import with_adapted_stem

_ALL = (0, 1, 2, 3)


@pytest.fixture
def weights(tmp_path):
    """Function that writes a file and returns its path."""

    def write(content, name='w.pth'):
        write_checkpoint(content, str(tmp_path / name), force=True)
        return str(tmp_path / name)

    return write


@pytest.fixture
def log(monkeypatch):
    """Lines that loading logs."""
    lines = []
    for module in ('convert', 'pretrained'):
        monkeypatch.setattr(
            f'mmconvnextv2.checkpoint.{module}.print_log',
            lambda text, logger: lines.append(text))
    return lines


def load(path, arch=ARCH, prefix=None, model=None, **init):
    cfg = dict(type='Pretrained', checkpoint=path, **init)
    if prefix is not None:
        cfg['prefix'] = prefix
    backbone = ConvNeXtV2(**{'arch': arch, **(model or {})}, init_cfg=cfg)
    backbone.init_weights()
    return backbone


@pytest.mark.parametrize('prefix', [None, 'backbone.', 'backbone'])
@pytest.mark.parametrize('target', FORMATS)
def test_any_format(weights, target, prefix, log):
    kwargs = V1 if target in ('torchvision', 'huggingface-dinov3') else {}
    if target == 'official-isotropic':
        kwargs = ISOTROPIC
    source = random_backbone(**kwargs)
    path = weights(dict(model=from_ours(as_model(source), target).state))
    loaded = load(path, prefix=prefix, model=kwargs)
    assert_same(loaded.state_dict(), source.state_dict())
    line, = log
    assert line.startswith(f'loaded {len(loaded.state_dict())} tensors of '
                           f'format {target} from {path}\n')


def test_pretraining_has_no_norm(weights):
    state = as_model(random_backbone())
    path = weights(dict(model=pretraining_state(
        {k: v for k, v in state.items() if 'norm3' not in k})))
    loaded = load(path).state_dict()
    assert all(loaded[k.removeprefix('backbone.')].equal(
        v if 'norm3' not in k else torch.full_like(v, 'weight' in k))
        for k, v in state.items())


def test_what_was_missing_and_unused_is_told(weights, log):
    # From a classifier to a detector: norm3 is there, norm0 to norm2 are not.
    state = as_model(random_backbone(), classes=3)
    path = weights(dict(model=official_state(state)))
    loaded = load(path, model=dict(out_indices=_ALL))
    assert torch.equal(loaded.norm3.weight, state['backbone.norm3.weight'])
    assert (loaded.norm0.weight == 1).all()
    assert log == [
        f'loaded {len(state) - 2} tensors of format official from {path}\n'
        '  missing (6): norm0.weight, norm0.bias, norm1.weight, norm1.bias, '
        'norm2.weight, norm2.bias\n'
        '  not of the backbone (2): head.fc.weight, head.fc.bias']


def refusal(path, **kwargs):
    with pytest.raises(CheckpointError) as caught:
        load(path, **kwargs)
    return str(caught.value).removeprefix(f'{path}: ')


_OWN = ('own (depths [1, 3, 2, 1], channels [4, 6, 10, 12]), 3 input channels,'
        ' do not fit the backbone:\n')


def test_partial_weights_are_refused(weights, log):
    state = as_model(random_backbone())
    lost = state.pop('backbone.stages.1.2.norm.weight')
    state['backbone.extra'] = lost
    path = weights(dict(state_dict=state))
    assert refusal(path) == (
        f'the weights, of ConvNeXt V2 {_OWN}'
        '  missing (1): stages.1.2.norm.weight\n  unexpected (1): extra')
    loaded = load(path, allow_partial=True)
    assert torch.equal(loaded.stages[3][0].grn.beta,
                       state['backbone.stages.3.0.grn.beta'])
    assert 'missing (1): stages.1.2.norm.weight' in log[0]
    assert refusal(weights({'fc.weight': torch.ones(1)})).startswith(
        'the names are not those of a ConvNeXt')


def test_first_convnext_without_its_scale(weights):
    source = random_backbone(**V1)
    path = weights(as_model(source))
    lines = refusal(path).splitlines()
    assert lines[0] == f'the weights, of ConvNeXt {_OWN}'[:-1]
    assert lines[1].startswith('  missing (14): stages.0.0.grn.gamma, ')
    assert lines[2].startswith('  unexpected (7): stages.0.0.gamma, ')
    found = load(path, allow_partial=True).state_dict()
    assert all(found[k].equal(x) for k, x in source.state_dict().items()
               if not k.endswith('.0.gamma') and k in found)
    assert not found['stages.0.0.grn.gamma'].any()


def test_norms_that_the_encoder_has_not(weights, log):
    path = weights(dict(state_dict=as_model(random_backbone())))
    load(path, model=dict(final_norm=False), prefix='backbone.')
    assert 'unexpected (2): norm3.weight, norm3.bias' in log[0]


@pytest.mark.parametrize('allow_partial', [False, True])
def test_another_size_is_refused(weights, allow_partial):
    text = refusal(weights(as_model(random_backbone('atto'))), arch='femto',
                   allow_partial=allow_partial)
    assert text.startswith(
        'the weights, of ConvNeXt V2 atto (depths [2, 2, 6, 2], channels [40, '
        '80, 160, 320])')
    assert re.search(r'\n  of another size \(\d+\): downsample_layers\.0\.0\.'
                     r'weight \(40, 3, 4, 4\) where \(48, 3, 4, 4\) is ', text)
    assert 'adapt_stem' not in text  # It has as many input channels.


def test_nothing_is_loaded_when_refused(weights):
    state = as_model(random_backbone())
    state['backbone.stages.3.0.grn.beta'] = torch.ones(3)
    backbone = ConvNeXtV2(
        ARCH, init_cfg=dict(type='Pretrained', checkpoint=weights(state)))
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    with pytest.raises(CheckpointError):
        backbone.init_weights()
    assert_same(backbone.state_dict(), before)


def test_prefix(weights):
    sources = [random_backbone(seed=i) for i in range(2)]
    both = {
        f'{name}.net.{k}': v for name, source in zip(('student', 'teacher'),
                                                     sources)
        for k, v in source.state_dict().items()}
    path = weights(dict(state_dict=both))
    for prefix, source in zip(('student.net', 'teacher.net.'), sources):
        assert_same(load(path, prefix=prefix).state_dict(),
                    source.state_dict())
    assert refusal(path) == (
        "there are several networks, name one by prefix: 'student.net.' (mm"
        "pretrain), 'teacher.net.' (mmpretrain)")
    assert refusal(weights(as_model(sources[0])), prefix='encoder') == (
        "no network has the prefix 'encoder.'; there is 'backbone.' "
        '(mmpretrain)')


def test_moco_v3_keeps_a_moving_average_of_the_network(weights, log):
    trained, average = (random_backbone(seed=i) for i in range(2))
    moco = {f'momentum_encoder.module.0.{k}': v
            for k, v in average.state_dict().items()}
    path = weights(dict(state_dict={**as_model(trained), **moco}))
    for prefix, source, taken, skipped in (
            (None, trained, 'backbone.', 'momentum_encoder.0.'),
            ('backbone.', trained, 'backbone.', 'momentum_encoder.0.'),
            ('momentum_encoder', average, 'momentum_encoder.0.', 'backbone.')):
        log.clear()
        assert_same(load(path, prefix=prefix).state_dict(),
                    source.state_dict())
        assert log[0] == (f'of several networks {taken!r} is taken; skipped: '
                          f'{skipped!r}')
        assert log[1].startswith('loaded ')


@pytest.mark.parametrize('in_channels', [1, 2, 4, 5, 7])
def test_stem_is_adapted_as_timm_does(weights, in_channels):
    source = random_backbone()
    path = weights(as_model(source))
    model = dict(in_channels=in_channels)
    assert refusal(path, model=model) == (
        f'the weights, of ConvNeXt V2 {_OWN}'
        '  of another size (1): downsample_layers.0.0.weight (4, 3, 4, 4) '
        f'where (4, {in_channels}, 4, 4) is expected\n'
        'For another number of input channels: adapt_stem=True.')
    loaded = load(path, model=model, adapt_stem=True)
    stem = source.downsample_layers[0][0].weight.detach()
    torch.testing.assert_close(
        loaded.downsample_layers[0][0].weight.detach(),
        adapt_input_conv(in_channels, stem), rtol=0, atol=1e-7)
    expected = source.state_dict()
    expected['downsample_layers.0.0.weight'] = loaded.downsample_layers[0][
        0].weight.detach()
    assert_same(loaded.state_dict(), expected)


def test_stem_of_any_number_of_channels():
    name = 'downsample_layers.0.0.weight'
    given = torch.tensor([1., 2.]).view(1, 2, 1, 1)
    for wanted, values in ((1, [3.]), (2, [1., 2.]), (4, [.5, 1., .5, 1.])):
        got = with_adapted_stem({name: given}, torch.empty(1, wanted, 1, 1))
        assert got[name].flatten().tolist() == values
    assert given.flatten().tolist() == [1., 2.]


def test_an_initialiser_without_a_type_is_refused():
    model = ConvNeXtV2('atto', init_cfg=dict(adapt_stem=True))
    with pytest.raises(CheckpointError) as caught:
        model.init_weights()
    assert str(caught.value) == (
        "init_cfg needs a type, got {'adapt_stem': True}. If it was to change "
        'another init_cfg, that one is None: leave it out')


@pytest.mark.parametrize('given', ['a.pth', ['a.pth']])
def test_a_path_for_an_initialiser_is_refused(given):
    with pytest.raises(CheckpointError) as caught:
        ConvNeXtV2('atto', init_cfg=given).init_weights()
    assert str(caught.value) == (
        "init_cfg takes dict(type='Pretrained', checkpoint='a.pth') for "
        "weights from a file, got 'a.pth'")


def test_other_initialisers_come_first(weights):
    source = random_backbone()
    path = weights(as_model(source))
    given = [dict(type='Pretrained', checkpoint=path),
             dict(type='Constant', layer=['Conv2d', 'LayerNorm'], val=5.)]
    backbone = ConvNeXtV2(ARCH, out_indices=_ALL, init_cfg=given)
    backbone.init_weights()
    assert torch.equal(backbone.stages[0][0].norm.weight,
                       source.stages[0][0].norm.weight)
    assert (backbone.norm0.weight == 5).all()
    assert backbone.init_cfg == given
    assert given[0]['type'] == 'Pretrained'


@pytest.mark.parametrize('type_', ['Pretrained', PretrainedInit])
def test_inside_a_model(weights, type_):

    class Detector(BaseModule):

        def __init__(self, **kwargs):
            super().__init__()
            self.backbone = ConvNeXtV2(ARCH, **kwargs)

    source = random_backbone()
    path = weights(dict(model=official_state(as_model(source))))
    detector = Detector(init_cfg=dict(type=type_, checkpoint=path))
    told = {}
    detector._dump_init_info = lambda: told.update({
        name: detector._params_init_info[p]['init_info']
        for name, p in detector.named_parameters()})
    detector.init_weights()
    assert_same(detector.backbone.state_dict(), source.state_dict())
    assert set(told.values()) == {f'ConvNeXtPretrainedInit: load from {path}'}


def test_whole_models_are_loaded_by_mmengine(weights):
    source = random_backbone()
    path = weights(dict(state_dict=as_model(source)))
    model = nn.ModuleDict(dict(backbone=ConvNeXtV2(ARCH)))
    PretrainedInit(path)(model)
    assert_same(model.backbone.state_dict(), source.state_dict())
