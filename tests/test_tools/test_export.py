import copy
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from check_exported import compare_detections, predict_ours
from crafted_checkpoints import write_each
from fcmae_toy import MODEL as FCMAE
from mmengine.registry import MODELS, DefaultScope
from run_exported import ExportedModel
from small_detector import build, small_detector
from torch import nn

from mmconvnextv2.models.layers.grn import GRN

_REFUSED = 2
_BACKBONE = dict(
    type='mmconvnextv2.ConvNeXtV2',
    arch=dict(depths=[1, 1], channels=[4, 8]),
    out_indices=[0, 1],
    gap_before_final_norm=False)
_CLASSIFIER = dict(
    type='ImageClassifier',
    data_preprocessor=dict(mean=[1., 2., 3.], std=[4., 5., 6.], to_rgb=True),
    backbone=dict(_BACKBONE, out_indices=[1], gap_before_final_norm=True),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=8))
_RETINA = dict(
    type='RetinaNet',
    backbone=_BACKBONE,
    neck=dict(type='FPN', in_channels=[4, 8], out_channels=8, num_outs=2),
    bbox_head=dict(
        type='RetinaHead', num_classes=2, in_channels=8, feat_channels=8,
        stacked_convs=1, anchor_generator=dict(
            type='AnchorGenerator', scales=[4], ratios=[1.],
            strides=[4, 8])))
_MODELS = dict(c=_CLASSIFIER, d=dict(type='AnyDetector', backbone=_BACKBONE),
               r=_RETINA, f=FCMAE, n=dict(type='mmconvnextv2.FCMAE'))
_FILES = [f'{x}.py' for x in _MODELS]


@MODELS.register_module()
class BesselNeck(nn.Module):
    """An operator that ONNX lacks, or one that depends on values."""

    def __init__(self, reads):
        super().__init__()
        self.reads = reads

    def forward(self, maps):
        if self.reads and maps[0].sum() > 0:
            return maps
        return tuple(torch.special.bessel_j0(x) for x in maps)


@pytest.fixture
def export(tool_here, tmp_path):
    """The tool, beside configs of a classifier, c, and of a detector, d."""
    for name, model in _MODELS.items():
        scope = 'mmdet' if name == 'r' else 'mmpretrain'
        (tmp_path / f'{name}.py').write_text(
            f'default_scope = {scope!r}\nmodel = {model!r}\n')
    tool = tool_here('export')
    return lambda *arguments: tool('--shape', 24, 32, *arguments)


@pytest.fixture
def classifier(tmp_path):
    """With GRN that does something; its weights are in w.pth."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(copy.deepcopy(_CLASSIFIER)).eval()
    for module in model.modules():
        if isinstance(module, GRN):
            torch.nn.init.normal_(module.gamma)
            torch.nn.init.normal_(module.beta)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'w.pth')
    return model.requires_grad_(False)


def test_classifier_to_torch_export(export, classifier, capsys):
    assert export('c.py', 'm.pt2', '--format', 'torch_export', '--dynamic',
                  '--checkpoint', 'w.pth') == 0
    out = capsys.readouterr().out
    assert out.startswith('m.pt2: classifier, outputs scores\n')
    assert '(1, 3, 16, 16), (1, 3, 16, 33), (3, 3, 47, 37)' in out
    files = {'mmconvnextv2.json': ''}
    run = torch.export.load('m.pt2', extra_files=files).module()
    for shape in ((1, 3, 16, 16), (3, 3, 29, 43)):
        images = torch.rand(shape)
        torch.testing.assert_close(
            run(images), classifier(images), rtol=0, atol=1e-5)
    assert json.loads(files['mmconvnextv2.json']) == dict(
        part='classifier', least_size=16, inputs=['images'],
        outputs=['scores'],
        preprocessing=dict(channels='RGB', mean=[1., 2., 3.],
                           std=[4., 5., 6.], steps=[]),
        classes=[], settings={})


def test_crafted_weights(export, classifier, capsys):
    for kind, message in write_each('w.pth'):
        assert export('c.py', 'm.pt2', '--format', 'torch_export',
                      '--checkpoint', 'w.pth') == _REFUSED, kind
        text = capsys.readouterr().err
        assert text.startswith('export.py: --checkpoint: w.pth'), text
        assert message in text, text
    assert not Path('m.pt2').exists()


@pytest.mark.parametrize('config, arguments, outputs', [
    ('c.py', ('--checkpoint', 'w.pth'), 'scores'),
    ('d.py', ('--backbone', ), 'stage0, stage1'),
])
def test_to_onnx(export, classifier, config, arguments, outputs, capsys):
    onnxruntime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    assert export(config, 'm.onnx', '--format', 'onnx', '--dynamic',
                  *arguments) == 0
    out = capsys.readouterr().out
    assert f'outputs {outputs}\n' in out and '(1, 3, 8, 8)' in out
    session = onnxruntime.InferenceSession('m.onnx')
    images = torch.rand(3, 3, 29, 43)
    found = session.run(None, dict(images=images.numpy()))
    if config == 'c.py':
        torch.testing.assert_close(torch.from_numpy(found[0]),
                                   classifier(images), rtol=0, atol=1e-4)
        found_meta = session.get_modelmeta().custom_metadata_map
        assert json.loads(found_meta['preprocessing'])['mean'] == [1., 2., 3.]
    else:
        assert [x.shape for x in found] == [(3, 4, 7, 10), (3, 8, 3, 5)]


def test_fixed_size(export, capsys):
    assert export('d.py', 'm.pt2', '--format', 'torch_export',
                  '--backbone') == 0
    assert 'RANDOM WEIGHTS' in capsys.readouterr().out
    run = torch.export.load('m.pt2').module()
    assert len(run(torch.rand(1, 3, 24, 32))) == 2
    with pytest.raises(AssertionError):
        run(torch.rand(1, 3, 32, 32))


@pytest.mark.parametrize('damage, found', [
    (lambda x: 3 * x, '2.0e+00'),
    (lambda x: x * float('nan'), 'nan'),
    (lambda x: x[..., :1], 'inf'),
])
def test_a_file_that_differs_is_not_written(export, tmp_path, monkeypatch,
                                            capsys, damage, found):
    load = torch.export.load

    def load_damaged(path):
        run = load(path).module()
        # The first output is right.
        return SimpleNamespace(
            module=lambda: lambda x: [run(x)[0], damage(run(x)[1])])

    monkeypatch.setattr(torch.export, 'load', load_damaged)
    (tmp_path / 'm.pt2').write_text('old')
    assert export('d.py', 'm.pt2', '--format', 'torch_export', '--backbone',
                  '--force') == _REFUSED
    assert f'by more than 0.0001: {found} for (1, 3, 24, 32); nothing' in (
        capsys.readouterr().err)
    assert (tmp_path / 'm.pt2').read_text() == 'old'
    assert sorted(x.name for x in tmp_path.iterdir()) == [
        *sorted(['m.pt2', *_FILES])]


@pytest.mark.parametrize('arguments, message', [
    (('no.py', 'm.pt2'), "there is no config file 'no.py'"),
    (('c.py', 'c.py'), 'out: c.py exists; --force replaces a file'),
    (('c.py', 'x/m.pt2'), "out: there is no folder 'x'"),
    (('c.py', 'm.onnx'), 'out: a file of --format torch_export ends with '
     '.pt2, got m.onnx\n'),
    (('c.py', 'm.pt2', '--opset', 20), '--opset is for --format onnx and'),
    (('c.py', 'm.pt2', '--checkpoint', 'no.pth'), "no file 'no.pth'"),
    (('c.py', 'm.pt2', '--shape', 7, 9),
     'c.py: shape must be at least 8 in both directions, got (7, 9)'),
    (('r.py', 'm.pt2'), 'r.py: RetinaNet with bbox_head (RetinaHead) is not '
     'exported as a whole, --backbone exports its backbone: it must be '
     'MaskRCNN or FasterRCNN or CascadeRCNN, got RetinaNet\n'),
    (('f.py', 'm.pt2', '--shape', 20, 32), 'f.py: shape must be at least 8, a '
     'multiple of 8 in both directions, got (20, 32)\n'),
    (('n.py', 'm.pt2', '--backbone'), 'n.py: the config has no model.backbone'
     '\n'),
    (('d.py', 'm.pt2', '--backbone', '--checkpoint', 'w.pth'),
     'w.pth: it does not hold the whole backbone of the config:\n'
     '  missing (2): norm0.weight, norm0.bias\n'),
])
def test_refusals(export, classifier, arguments, message, capsys):
    assert export(*arguments, '--format', 'torch_export') == _REFUSED
    assert message in capsys.readouterr().err


def test_fcmae_to_onnx(export, capsys):
    onnxruntime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(copy.deepcopy(FCMAE)).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    torch.save(dict(state_dict=model.state_dict()), 'f.pth')
    assert export('f.py', 'm.onnx', '--format', 'onnx', '--dynamic',
                  '--checkpoint', 'f.pth') == 0
    out = capsys.readouterr().out
    assert out.startswith('m.onnx: reconstructor, outputs reconstruction, is_')
    assert '(1, 3, 16, 16), (1, 3, 16, 32), (3, 3, 40, 32)' in out
    session = onnxruntime.InferenceSession('m.onnx')
    images = torch.randn(2, 3, 16, 40)
    # Different numbers of patches are visible.
    is_masked = torch.rand(2, 2, 5) > 0.5
    is_masked[:, 0, 0] = False
    found, hidden = session.run(None, dict(
        images=images.numpy(), is_masked=is_masked.numpy()))
    with torch.no_grad():
        expected = model.head.to_images(
            model.reconstruct(images, is_masked)[0], images)
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4,
                               atol=1e-4)
    assert (hidden[:, 0, ::8, 7::8] == is_masked.numpy()).all()
    image = np.random.default_rng(0).integers(0, 256, (20, 45, 3), 'u1')
    cv2.imwrite('i.png', image)
    guess = ExportedModel('m.onnx')('i.png')
    same = (guess == image[:16, :40]).all(2)
    # Four of ten patches are seen, and stay as they are.
    assert same.reshape(2, 8, 5, 8).all((1, 3)).sum() == 4
    assert same.mean() < 0.45


def test_detector_to_onnx(export, capsys):
    """From an image on disk it finds the boxes that tools/infer.py finds."""
    for package in ('onnxruntime', 'onnxscript', 'mmdet'):
        pytest.importorskip(package)
    cfg = small_detector()
    cfg.test_dataloader.dataset.pipeline[1].scale = 64, 48
    cfg.dump('m.py')
    torch.save(dict(state_dict=build(cfg).state_dict()), 'm.pth')
    assert export('m.py', 'm.onnx', '--format', 'onnx', '--checkpoint',
                  'm.pth', '--shape', 48, 64) == 0
    out = capsys.readouterr().out
    assert 'm.onnx: detector, outputs boxes, scores, labels, masks\n' in out
    image = np.random.default_rng(0).integers(0, 256, (75, 100, 3), 'u1')
    cv2.imwrite('i.png', image)
    theirs = ExportedModel('m.onnx')('i.png')
    same = compare_detections(predict_ours(cfg, 'm.pth', ['i.png']),
                              [theirs], score_thr=0.)
    assert same['boxes'] == same['matched'] == len(theirs) == 10
    assert same['score'] < 1e-5 and same['mask_iou'] > 0.999
    assert sum(x['mask'].any() for x in theirs) > 5
    with pytest.raises(SystemExit, match='^m.onnx: no file, or no image that'):
        ExportedModel('m.onnx')('m.onnx')


@pytest.mark.parametrize('reads, file, message', [
    (True, 'm.pt2', '--format torch_export: reading the model by torch.export '
     'failed, of ImageClassifier with data_preprocessor (ClsDataPreprocessor),'
     ' backbone (ConvNeXtV2), neck (BesselNeck), head (LinearClsHead); '
     '--backbone exports the backbone alone. It says: Could not guard'),
    (False, 'm.onnx', '--format onnx: writing onnx failed, of ImageClassifier '
     'with data_preprocessor (ClsDataPreprocessor), backbone (ConvNeXtV2), '
     'neck (BesselNeck), head (LinearClsHead); --backbone exports the backbone'
     ' alone. It says: No ONNX function found for <OpOverload(op=\'prims.'
     'bessel_j0\''),
])
def test_what_an_exporter_cannot_do(export, tmp_path, reads, file, message,
                                    capsys):
    pytest.importorskip('onnxscript')
    neck = dict(type='BesselNeck', reads=reads)
    Path('c.py').write_text('default_scope = "mmpretrain"\nmodel = '
                            f'{dict(_CLASSIFIER, neck=neck)!r}\n')
    kind = dict(pt2='torch_export', onnx='onnx')[file.partition('.')[2]]
    assert export('c.py', file, '--format', kind) == _REFUSED
    # torch.export prints what it has read, first.
    assert f'export.py: {message}' in capsys.readouterr().err
    assert sorted(x.name for x in tmp_path.iterdir()) == sorted(_FILES)


def test_missing_packages_and_files_beside(export, monkeypatch, capsys):
    assert export('c.py', 'm.xml', '--format', 'openvino') == _REFUSED
    if importlib.util.find_spec('openvino') is None:
        assert capsys.readouterr().err == (
            "export.py: --format openvino needs openvino, of the extra "
            "'deploy': pip install \"mmconvnextv2[deploy]\", or pip install "
            '".[deploy]" in a checkout\n')
    Path('m.bin').touch()
    assert export('c.py', 'm.xml', '--format', 'openvino') == _REFUSED
    assert 'out: m.bin exists; --force' in capsys.readouterr().err
