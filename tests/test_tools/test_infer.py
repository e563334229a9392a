import json
import os
import re
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from forked import Forked
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from unreliable_server import accepting, closed

from mmconvnextv2.config.find import find_config
from mmconvnextv2.images import list_images

ROOT = Path(__file__).resolve().parents[2]
_REFUSED = 2
_ARCH = dict(depths=[1, 1, 1, 1], channels=[4, 8, 12, 16])
_CHANGES = dict(
    maskrcnn_convnextv2_a_shapes={
        'model.neck.in_channels': _ARCH['channels'][1:],
        'model.test_cfg.rcnn.max_per_img': 3,
        'model.test_cfg.rcnn.score_thr': 0.
    },
    upernet_convnextv2_a_shapes={
        'model.decode_head.in_channels': _ARCH['channels'],
        'model.auxiliary_head.in_channels': _ARCH['channels'][2]
    },
    convnextv2_a_ft_shapes={'model.head.in_channels': 16},
    fcmae_convnextv2_a_shapes={
        'model.neck.in_channels': 16, 'model.neck.decoder_channels': 16
    })


@pytest.fixture
def infer(tool_here):
    return tool_here('infer', '--device', 'cpu')


@pytest.fixture
def task(tmp_path):
    """Function that writes m.py and w.pth of a task."""

    def write(name, meta=None):
        cfg = Config.fromfile(find_config(name))
        cfg.merge_from_dict({
            'model.backbone.arch': dict(_ARCH, _delete_=True),
            **_CHANGES[name]
        })
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            model = MODELS.build(cfg.model)
        torch.save(dict(state_dict=model.state_dict(), meta=meta or {}),
                   tmp_path / 'w.pth')
        # Not there, and not to be looked for: the checkpoint has it all.
        cfg.model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint='https://nowhere.invalid/w.pth')
        cfg.dump(tmp_path / 'm.py')
        return ('--config', 'm.py', '--checkpoint', 'w.pth', '--out', 'out')

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


def _check_instances(result, classes, labels):
    found = result['instances']
    assert classes[2] == 'square' and len(found) == 3
    for x in found:
        assert x['name'] == classes[x['label']] and 0 <= x['score'] <= 1
        assert len(x['bbox']) == 4 and x['mask']['size'] == [48, 64]


def _check_segments(result, classes, labels):
    assert labels.shape == (48, 64) and classes[5] == 'background'
    found = {x['label']: (x['name'], x['share']) for x in result['classes']}
    assert found == {
        i: (classes[i], pytest.approx((labels == i).mean()))
        for i in np.unique(labels).tolist()}


def _check_scores(result, classes, labels):
    scores = [x['score'] for x in result['classes']]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1)
    assert {x['name'] for x in result['classes']} == set(classes)


def _check_reconstruction(result, classes, labels):
    assert classes is None and result['size'] == [224, 288]
    # 60 % of 7 x 9 patches.
    assert np.array(result['is_masked']).sum() == 63 - int(63 * 0.4)
    assert 0.5 < result['loss'] < 2


@pytest.mark.parametrize('kind, name, check', [
    ('detection', 'maskrcnn_convnextv2_a_shapes', _check_instances),
    ('segmentation', 'upernet_convnextv2_a_shapes', _check_segments),
    ('classification', 'convnextv2_a_ft_shapes', _check_scores),
    ('reconstruction', 'fcmae_convnextv2_a_shapes', _check_reconstruction),
])
def test_folder_with_damaged_images(infer, task, folder, tmp_path, capsys,
                                    kind, name, check):
    arguments = (folder, *task(name), '--score-thr', 0)
    capsys.readouterr()  # What other packages print when imported.
    assert infer(*arguments) == 1
    content, entries = _entries(tmp_path / 'out')
    assert content['task'] == kind and content['checkpoint'] == 'w.pth'
    assert sorted(entries) == ['a.jpg', 'b[1].png', 'cut.jpg', 'text.png']
    assert entries['cut.jpg']['error'].startswith(
        'it cannot be read as an image: image file is truncated')
    assert entries['text.png']['error'].startswith('it is not an image')
    assert entries['b[1].png']['picture'] == 'pictures/b[1].png'
    for entry in (entries['a.jpg'], entries['b[1].png']):
        assert cv2.imread(f"out/{entry['picture']}") is not None
        labels = cv2.imread(f"out/{entry.get('label_map')}", -1)
        check(entry['result'], content['classes'], labels)
    said = capsys.readouterr()
    assert said.out == f'{kind}: 2 of 4 images, out/results.json\n'
    assert 'images/cut.jpg: it cannot be read' in said.err
    assert ('images: files passed over: 1 (notes.txt); images end in .jpg, '
            ) in said.err


def test_one_image_and_the_classes_of_the_checkpoint(infer, task, folder,
                                                     tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    names = ['v', 'w', 'x', 'y', 'z']
    arguments = task('convnextv2_a_ft_shapes',
                     dict(dataset_meta=dict(classes=names)))
    assert infer(folder / 'a.jpg', *arguments[:2], '--checkpoint=~/w.pth'
                 ) == 0
    content, entries = _entries(tmp_path / 'work_dirs' / 'm' / 'infer')
    assert content['classes'] == names and len(entries) == 1
    assert {x['name'] for x in entries['a.jpg']['result']['classes']
            } == set(names)


def test_results_are_not_overwritten_unasked(infer, task, folder, tmp_path,
                                             capsys):
    arguments = task('convnextv2_a_ft_shapes')
    out = tmp_path / 'out'
    # Results without a good image are written, too.
    assert infer(folder / 'cut.jpg', *arguments) == _REFUSED
    assert 'infer.py: no image could be processed\n' in capsys.readouterr().err
    assert 'error' in _entries(out)[1]['cut.jpg']
    assert infer(folder / 'a.jpg', *arguments) == _REFUSED
    assert '--out: out is not empty' in capsys.readouterr().err
    assert list(_entries(out)[1]) == ['cut.jpg']
    assert infer(folder / 'a.jpg', *arguments, '--force') == 0
    assert list(_entries(out)[1]) == ['a.jpg']


@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM'])
def test_what_there_is_is_written_when_a_signal_stops_it(
        infer, task, folder, tmp_path, capfd, monkeypatch, load_tool, name):
    former = signal.getsignal(signal.Signals[name])

    def signal_at_first(*args):
        if not (tmp_path / 'out' / 'results.json').exists():
            os.kill(os.getpid(), signal.Signals[name])
        return store(*args)

    tool = load_tool('infer')
    store = tool.store
    monkeypatch.setattr(tool, 'store', signal_at_first)
    arguments = [str(x) for x in (
        folder, *task('convnextv2_a_ft_shapes'), '--device', 'cpu')]
    assert tool.main(arguments) == 75
    content, entries = _entries(tmp_path / 'out')
    assert (content['complete'], content['num_images']) == (False, 4)
    assert list(entries) == ['a.jpg'] and 'result' in entries['a.jpg']
    said = capfd.readouterr()
    assert said.out.endswith('classification: 1 of 4 images, out/results.json,'
                             f' stopped by {name}\n')
    assert f'\n{name}: stopping after this image.\n' in said.err
    assert signal.getsignal(signal.Signals[name]) == former
    assert tool.main([*arguments, '--force']) == 1
    assert _entries(tmp_path / 'out')[0]['complete'] is True


def test_pictures_of_images_that_differ_in_their_suffix(load_tool, tmp_path):
    images = [tmp_path / x for x in ('a.png', 'b.png', 'B.jpg')]
    assert load_tool('infer').names_of(images) == ['a', 'b.png', 'B.jpg']


class MakeFolder:

    def __reduce__(self):
        return os.mkdir, ('ran', )


def test_checkpoints_that_cannot_be_used(infer, task, folder, tmp_path,
                                         capsys, monkeypatch):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setattr('mmconvnextv2.checkpoint.download._SILENCE', 0.3)
    monkeypatch.setenv('no_proxy', '*')
    task('upernet_convnextv2_a_shapes')
    (tmp_path / 'w.pth').rename('other.pth')
    task('convnextv2_a_ft_shapes')
    (tmp_path / 'page.pth').write_text('<html>404</html>')
    torch.save(dict(torch.load('w.pth'), x=MakeFolder()), 'code.pth')
    lacks = ('--checkpoint: {}: it does not hold the whole model of the '
             'config:\n  missing (2): head.fc.weight, head.fc.bias\n')
    with accepting() as silent:
        for file, reason in (
            ('page.pth', '--checkpoint: {} is damaged, cut off or no '
             'checkpoint ('),
            ('code.pth', '--checkpoint: {}: it asks for posix.mkdir, which is '
             'not loaded'),
            ('other.pth', lacks),
            (f'{closed()}/w.pth', '--checkpoint: {} could not be downloaded '
             '([Errno 111] Connection refused)'),
            (f'{silent}/w.pth', '--checkpoint: {} could not be downloaded '
             '(the server was silent for 0.3 s). '),
        ):
            assert infer(folder, '--config', 'm.py', '--checkpoint', file,
                         '--out', 'o') == _REFUSED
            message = capsys.readouterr().err
            assert 'infer.py: ' + reason.format(file) in message
    assert not (tmp_path / 'o').exists() and not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('images, config, checkpoint, message', [
    ('no', 'm.py', 'w.pth', "images: there is no image and no folder called "
     "'no'"),
    ('.', 'm.py', 'w.pth', "images: there is no image in the folder '.'"),
    ('images', 'no.py', 'w.pth', "there is no config file 'no.py'"),
    ('images', 'm.py', 'no.pth', "--checkpoint: there is no file 'no.pth'"),
    ('images', 'm.py', 'm.py', 'm.py: the config must have a test_dataloader'),
    ('images', 'u.py', 'w.pth', "u.py: the task must be one of detection, "
     "segmentation, classification, reconstruction, in mmdet, mmseg or "
     "mmpretrain; a model of type 'SimCLR' with default_scope 'mmpretrain' "
     "is of none of them (docs/toolboxes.md)"),
])
def test_refusals(infer, folder, tmp_path, images, config, checkpoint, message,
                  capsys):
    for name, kind in dict(m='ImageClassifier', u='SimCLR').items():
        (tmp_path / f'{name}.py').write_text(
            f"default_scope = 'mmpretrain'\nmodel = dict(type={kind!r})\n")
    assert infer(images, '--config', config, '--checkpoint',
                 checkpoint) == _REFUSED
    assert message in capsys.readouterr().err


def test_from_python_as_the_docs_say(task, folder, tmp_path, monkeypatch,
                                     capsys):
    monkeypatch.chdir(tmp_path)
    task('maskrcnn_convnextv2_a_shapes')
    page = (ROOT / 'docs/inference.md').read_text()
    code, = re.findall('^```python\n(.*?)^```', page, re.DOTALL | re.MULTILINE)
    for ours, theirs in (('maskrcnn_convnextv2_a_shapes', 'm.py'),
                         ('epoch_14.pth', 'w.pth'),
                         ('image.jpg', str(next(folder.glob('a*'))))):
        assert ours in code
        code = code.replace(ours, theirs)
    # Of random weights no score reaches the usual threshold.
    exec(code.replace("'w.pth')", "'w.pth', score_thr=0.)"), {})
    assert "{'label': " in capsys.readouterr().out
    assert cv2.imread('prediction.png') is not None


@pytest.mark.parametrize('name', ['maskrcnn_convnextv2_a_shapes',
                                  'convnextv2_a_ft_shapes'])
def test_mixed_precision_on_a_cpu_is_told(infer, task, folder, capsys,
                                          monkeypatch, name):
    monkeypatch.setattr('mmconvnextv2.engine.cpu.has_fast_bf16', lambda: True)
    assert infer(folder / 'a.jpg', *task(name), '--amp') == 0
    said = 'No GPU in use: mixed precision is bfloat16.\n'
    assert said in capsys.readouterr().err


def test_a_kill_leaves_whole_pictures(task, folder, load_tool, tmp_path,
                                      monkeypatch):
    monkeypatch.chdir(tmp_path)
    write, arguments = cv2.imwrite, [
        str(folder), *task('convnextv2_a_ft_shapes'), '--device', 'cpu']

    def write_half(path, pixels):
        write(path, pixels)
        if os.listdir('out/pictures') != [Path(path).name]:
            os.truncate(path, 99)
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    tool = load_tool('infer')
    killed = Forked(tool.main, arguments, before=lambda: monkeypatch.setattr(
        cv2, 'imwrite', write_half)).wait()
    assert killed.code == -signal.SIGKILL, killed.output
    assert [x.name for x in list_images(Path('out/pictures'))] == ['a.png']
    assert cv2.imread('out/pictures/a.png').shape == (48, 64, 3)
    assert not Path('out/results.json').exists()
    assert tool.main([*arguments, '--force']) == 1
    assert len(list_images(Path('out/pictures'))) == 2
