import json
import os

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from unreliable_server import accepting, closed

from mmconvnextv2.config.find import find_config

_REFUSED = 2
_ARCH = dict(depths=[1, 1, 1, 1], channels=[4, 8, 12, 16])
_URL = 'https://nowhere.invalid/w.pth'
_CHANGES = dict(
    maskrcnn={
        'model.neck.in_channels': _ARCH['channels'][1:],
        'model.backbone.arch': dict(_ARCH, _delete_=True),
        'model.test_cfg.rcnn.max_per_img': 3,
        'model.test_cfg.rcnn.score_thr': 0.
    },
    upernet={
        'model.backbone.arch': dict(_ARCH, _delete_=True),
        'model.decode_head.in_channels': _ARCH['channels'],
        'model.auxiliary_head.in_channels': _ARCH['channels'][2]
    },
    convnextv2={
        'model.backbone.arch': dict(_ARCH, _delete_=True),
        'model.head.in_channels': 16
    },
    fcmae={
        'model.backbone.arch': dict(_ARCH, _delete_=True),
        'model.neck.in_channels': 16,
        'model.neck.decoder_channels': 16
    })
_CONFIGS = dict(
    maskrcnn='maskrcnn_convnextv2_a_shapes',
    upernet='upernet_convnextv2_a_shapes',
    convnextv2='convnextv2_a_ft_shapes',
    fcmae='fcmae_convnextv2_a_shapes')


@pytest.fixture
def infer(load_tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tool = load_tool('infer')

    def run(*arguments):
        return tool.main([str(x) for x in (*arguments, '--device', 'cpu')])

    return run


@pytest.fixture
def task(tmp_path):
    """Function that writes m.py and w.pth of a task."""

    def write(name, meta=None):
        cfg = Config.fromfile(find_config(_CONFIGS[name]))
        cfg.merge_from_dict(_CHANGES[name])
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            model = MODELS.build(cfg.model)
        torch.save(
            dict(state_dict=model.state_dict(), meta=meta or {}),
            tmp_path / 'w.pth')
        # Not there, and not to be looked for: the checkpoint has it all.
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=_URL)
        cfg.dump(tmp_path / 'm.py')
        return ('--config', 'm.py', '--checkpoint', 'w.pth')

    return write


@pytest.fixture
def folder(tmp_path):
    """A folder with two good images of 64 x 48 pixels and two others."""
    path = tmp_path / 'images'
    path.mkdir()
    noise = np.random.default_rng(0).integers(
        0, 256, (6, 8, 3), dtype=np.uint8)
    image = cv2.resize(noise, (64, 48), interpolation=cv2.INTER_CUBIC)
    for name in ('a.jpg', 'b[1].png', 'cut.jpg'):
        cv2.imwrite(str(path / name), image)
    whole = (path / 'cut.jpg').read_bytes()
    (path / 'cut.jpg').write_bytes(whole[:len(whole) // 2])
    (path / 'text.png').write_text('no image')
    (path / 'notes.txt').write_text('nor this')
    return path


def _entries(path):
    content = json.loads((path / 'results.json').read_text())
    return content, {x['file'].split('/')[-1]: x for x in content['images']}


_CUT = 'it cannot be read as an image: image file is truncated'


@pytest.mark.parametrize('name, kind', [
    ('maskrcnn', 'detection'),
    ('upernet', 'segmentation'),
    ('convnextv2', 'classification'),
    ('fcmae', 'reconstruction'),
])
def test_folder_with_damaged_images(infer, task, folder, tmp_path, capsys,
                                    name, kind):
    arguments = (folder, *task(name), '--out', 'out', '--score-thr', 0)
    capsys.readouterr()  # What other packages print when imported.
    assert infer(*arguments) == 1
    content, entries = _entries(tmp_path / 'out')
    assert content['task'] == kind and content['checkpoint'] == 'w.pth'
    assert sorted(entries) == ['a.jpg', 'b[1].png', 'cut.jpg', 'text.png']
    assert entries['cut.jpg']['error'].startswith(_CUT)
    assert entries['text.png']['error'].startswith('it is not an image')
    assert entries['b[1].png']['picture'] == 'pictures/b[1].png'
    for entry in (entries['a.jpg'], entries['b[1].png']):
        assert cv2.imread(f"out/{entry['picture']}") is not None
        _CHECKS[name](entry, content['classes'])
    said = capsys.readouterr()
    assert said.out == f'{kind}: 2 of 4 images, out/results.json\n'
    assert 'images/cut.jpg: it cannot be read' in said.err


def _check_instances(entry, classes):
    assert classes[2] == 'square'
    found = entry['result']['instances']
    assert len(found) == 3
    for x in found:
        assert x['name'] == classes[x['label']] and 0 <= x['score'] <= 1
        assert len(x['bbox']) == 4 and x['mask']['size'] == [48, 64]


def _check_segments(entry, classes):
    labels = cv2.imread(f"out/{entry['label_map']}", cv2.IMREAD_UNCHANGED)
    assert labels.shape == (48, 64) and classes[5] == 'background'
    found = {x['label']: x for x in entry['result']['classes']}
    assert sorted(found) == np.unique(labels).tolist()
    for label, x in found.items():
        assert x['name'] == classes[label]
        assert x['share'] == pytest.approx((labels == label).mean())


def _check_scores(entry, classes):
    found = entry['result']['classes']
    scores = [x['score'] for x in found]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1)
    assert sorted(x['name'] for x in found) == sorted(classes)


def _check_reconstruction(entry, classes):
    result = entry['result']
    assert classes is None and result['size'] == [224, 288]
    # 60 % of 7 x 9 patches.
    assert np.array(result['is_masked']).sum() == 63 - int(63 * 0.4)
    assert 0.5 < result['loss'] < 2


_CHECKS = dict(
    maskrcnn=_check_instances,
    upernet=_check_segments,
    convnextv2=_check_scores,
    fcmae=_check_reconstruction)


def test_one_image_and_the_classes_of_the_checkpoint(infer, task, folder,
                                                     tmp_path):
    names = ('v', 'w', 'x', 'y', 'z')
    arguments = task('convnextv2', dict(dataset_meta=dict(classes=names)))
    assert infer(folder / 'a.jpg', *arguments) == 0
    content, entries = _entries(tmp_path / 'work_dirs' / 'm' / 'infer')
    assert content['classes'] == list(names) and len(entries) == 1
    assert {x['name'] for x in entries['a.jpg']['result']['classes']
            } == set(names)


def test_only_damaged_images(infer, task, folder, tmp_path, capsys):
    arguments = task('convnextv2')
    assert infer(folder / 'cut.jpg', *arguments, '--out', 'o') == _REFUSED
    assert 'infer.py: no image could be processed\n' in capsys.readouterr().err
    assert 'error' in _entries(tmp_path / 'o')[1]['cut.jpg']


def test_results_are_not_overwritten_unasked(infer, task, folder, tmp_path,
                                             capsys):
    arguments = (folder / 'a.jpg', *task('convnextv2'), '--out', 'o')
    (tmp_path / 'o').mkdir()
    (tmp_path / 'o' / 'results.json').write_text('mine')
    assert infer(*arguments) == _REFUSED
    assert '--out: o is not empty' in capsys.readouterr().err
    assert (tmp_path / 'o' / 'results.json').read_text() == 'mine'
    assert infer(*arguments, '--force') == 0
    assert len(_entries(tmp_path / 'o')[1]) == 1


def test_a_checkpoint_that_lacks_weights(infer, task, folder, tmp_path,
                                         capsys):
    arguments = task('convnextv2')
    weights = torch.load('w.pth')['state_dict']
    del weights['head.fc.weight']
    torch.save(dict(state_dict=weights), 'w.pth')
    assert infer(folder, *arguments, '--out', 'o') == _REFUSED
    assert ('w.pth: it does not hold the whole model of the config:\n'
            '  missing (1): head.fc.weight\n') in capsys.readouterr().err
    assert not (tmp_path / 'o').exists()


class MakeFolder:

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


def test_checkpoints_that_cannot_be_used(infer, task, folder, tmp_path,
                                         capsys, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setenv('MMCONVNEXTV2_DOWNLOAD_TIMEOUT', '0.3')
    monkeypatch.setenv('no_proxy', '*')
    task('convnextv2')
    whole = (tmp_path / 'w.pth').read_bytes()
    (tmp_path / 'cut.pth').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'empty.pth').touch()
    (tmp_path / 'page.pth').write_text('<html>404</html>')
    torch.save(
        dict(torch.load('w.pth'), x=MakeFolder(tmp_path / 'ran')), 'code.pth')
    task('upernet')
    (tmp_path / 'w.pth').rename('other.pth')
    task('convnextv2')
    damaged = '--checkpoint: {} is damaged, cut off or no checkpoint ('
    with accepting() as silent:
        for file, reason in (
            ('cut.pth', damaged), ('empty.pth', damaged),
            ('page.pth', damaged),
            ('code.pth', '--checkpoint: {}: it asks for posix.mkdir, which is '
             'not loaded'),
            ('other.pth', '--checkpoint: {}: it does not hold the whole model '
             'of the config:\n  missing (2): head.fc.weight, head.fc.bias\n'),
            (f'{closed()}/w.pth', '{} could not be downloaded (Connection '
             'refused)'),
            (f'{silent}/w.pth', '{} could not be downloaded (the server was '
             'silent for 0.3 s; '),
        ):
            assert infer(folder, '--config', 'm.py', '--checkpoint', file,
                         '--out', 'o') == _REFUSED
            message = capsys.readouterr().err
            assert 'infer.py: ' + reason.format(file) in message
    assert not (tmp_path / 'o').exists() and not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('arguments, message', [
    (('no', '--config', 'm.py', '--checkpoint', 'w.pth'),
     "images: there is no image and no folder called 'no'"),
    (('.', '--config', 'm.py', '--checkpoint', 'w.pth'),
     "images: there is no image in the folder '.'"),
    (('images', '--config', 'no.py', '--checkpoint', 'w.pth'),
     "there is no config file 'no.py'"),
    (('images', '--config', 'm.py', '--checkpoint', 'no.pth'),
     "--checkpoint: there is no file 'no.pth'"),
    (('images', '--config', 'u.py', '--checkpoint', 'w.pth'),
     "u.py: the task must be one of detection, segmentation, classification, "
     "reconstruction; a model of type 'SimCLR' with default_scope "
     "'mmpretrain' is of none of them"),
])
def test_refusals(infer, folder, tmp_path, arguments, message, capsys):
    (tmp_path / 'm.py').write_text("default_scope = 'mmpretrain'\n"
                                   "model = dict(type='ImageClassifier')\n")
    (tmp_path / 'u.py').write_text("default_scope = 'mmpretrain'\n"
                                   "model = dict(type='SimCLR')\n")
    assert infer(*arguments) == _REFUSED
    assert message in capsys.readouterr().err
