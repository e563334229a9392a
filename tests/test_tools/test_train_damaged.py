"""Every task trained by train.py on odd, damaged and badly annotated data."""
import json
import logging
import re
import socket
from pathlib import Path

import mmdet.datasets  # noqa: F401  (before the runs are forked)
import mmengine.runner.runner
import mmpretrain.datasets  # noqa: F401
import mmseg.datasets  # noqa: F401
import pytest
from damaged_files import DAMAGED, spoil, spoil_some
from forked import Forked
from PIL import Image

from mmconvnextv2.config.find import find_config
from mmconvnextv2.datasets import make_shapes

_CONFIG = '''
_base_ = '{base}'
model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True, depths=[1, 1, 1, 1], channels=[8, 8, 16, 16])),
    {heads})
train_dataloader = dict(
    batch_size=4, num_workers=1, persistent_workers=True)
{length}
randomness = dict(seed=0)
'''
_VAL = 'val_dataloader = dict(num_workers=0, persistent_workers=False)'
_EPOCH = f'train_cfg = dict(max_epochs=1)\n{_VAL}'
# Config, what its heads must fit, how long it runs, its images, and which
# kinds are left out besides the damaged ones.
TASKS = {
    'fcmae': ('fcmae_convnextv2_a_shapes',
              'neck=dict(in_channels=16, decoder_channels=16)',
              'train_cfg = dict(max_epochs=1)', 'train2017', ()),
    'classifier': ('convnextv2_a_ft_shapes', 'head=dict(in_channels=16)',
                   _EPOCH, 'imagenet/train', ()),
    # Its annotations say another size; mmseg cannot read such a label map.
    'detector': ('maskrcnn_convnextv2_a_shapes',
                 'neck=dict(in_channels=[8, 16, 16])', _EPOCH, 'train2017',
                 ('1x1', )),
    'segmentor': (
        'upernet_convnextv2_a_shapes',
        'decode_head=dict(in_channels=[8, 8, 16, 16]), '
        'auxiliary_head=dict(in_channels=16)',
        'train_cfg = dict(max_iters=8, val_interval=8)\n'
        'param_scheduler = [dict(type="PolyLR", by_epoch=False, end=8)]\n'
        f'{_VAL}',
        'ade/images/training', ('1x1', )),
}


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """The data of the present folder, 12 images and 1 of evaluation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mmengine.runner.runner, 'collect_env', dict)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    # The classes must all have an image.
    return make_shapes(tmp_path / 'data' / 'shapes', num_train=12, num_val=5)


def write_config(task):
    base, heads, length = TASKS[task][:3]
    Path('small.py').write_text(
        _CONFIG.format(
            base=find_config(f'{base}.py'), heads=heads, length=length))


@pytest.fixture
def train(load_tool):
    """Function that trains a task in a process of its own."""
    main = load_tool('train').main

    def run(task, *options):
        write_config(task)
        return Forked(
            main, ['small.py', '--work-dir', 'w', *options],
            before=lambda: logging.disable(logging.NOTSET)).wait(290)

    return run


def told(output):
    """Files that the log names as left out; reasons by name."""
    found = re.findall(r'Damaged, left out of training: (\S+): (.*)', output)
    assert len(found) == len(dict(found))  # once each
    return dict(found)


@pytest.mark.parametrize('task', [
    'fcmae', 'classifier', 'segmentor',
    pytest.param('detector', marks=pytest.mark.slow)
])
def test_odd_and_damaged_images(shapes, train, task):
    folder, skipped = shapes / TASKS[task][3], TASKS[task][4]
    images = [x for x in folder.rglob('*') if x.is_file()]
    spoilt = spoil_some(images)
    if task == 'segmentor':
        path = shapes / 'ade/annotations/training' / (
            spoilt['1x1'].stem + '.png')
        spoil(path, '1x1')
        Image.open(path).convert('L').save(path)
    ended = train(task)
    assert ended.code == 0, ended.output
    named = told(ended.output)
    # Not by folder: of a segmentor's 1x1 image the label map is named.
    stems = {x.rpartition('/')[2].rpartition('.')[0] for x in named}
    assert stems == {spoilt[x].stem for x in (*DAMAGED, *skipped)}
    assert (f'Damaged files in the whole run: {len(named)}, in whose place '
            in ended.output)
    assert 'loss: nan' not in ended.output


@pytest.mark.slow
def test_two_processes(shapes, tmp_path, tools, run):
    spoilt = spoil_some(list((shapes / 'train2017').iterdir()))
    write_config('fcmae')
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port = str(sock.getsockname()[1])
    # Both meet each file in the first epochs; batches of 2 make 3 of 12.
    done = run(tmp_path, 'bash', tools / 'dist_train.sh', 'small.py', 2,
               '--work-dir', 'w', '--cfg-options', 'train_cfg.max_epochs=4',
               'train_dataloader.batch_size=2', CUDA_VISIBLE_DEVICES='',
               PORT=port)
    assert done.returncode == 0, done.stderr
    assert len(told(done.stdout)) == len(DAMAGED)
    assert all(str(spoilt[x].name) in done.stdout for x in DAMAGED)
    by_rank = [len(x.read_text().splitlines())
               for x in (tmp_path / 'w').glob('*/damaged_rank*.jsonl')]
    # Together they meet more than there are: those are named once.
    assert len(by_rank) == 2 and sum(by_rank) > len(DAMAGED)
    last = re.findall(r'Damaged files in the whole run: 3, in whose place '
                      r'another sample was drawn (\d+) times', done.stdout)
    assert len(last) == 1 and int(last[0]) >= 4 * len(DAMAGED)


def annotate(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.slow
def test_degenerate_annotations(shapes, train):
    path = shapes / 'annotations/instances_train2017.json'

    def change(content):
        images = [x['id'] for x in content['images']]
        first = {}
        for annotation in content['annotations']:
            first.setdefault(annotation['image_id'], annotation)
        for image, values in zip(images, (
                dict(bbox=[5, 5, 0, 9]), dict(bbox=[5, 5, -4, 9]),
                dict(bbox=[900, 5, 9, 9]), dict(area=0),
                dict(segmentation=[[1, 2, 3, 4]]), dict(segmentation=[]))):
            first[image].update(values)
        # One without objects, and one whose only object is no object.
        content['annotations'] = [
            x for x in content['annotations'] if x['image_id'] != images[6]
            and (x['image_id'] != images[7] or x is first[images[7]])
        ]
        first[images[7]].update(bbox=[5, 5, 0, 0])

    annotate(path, change)
    ended = train('detector')
    assert ended.code == 0, ended.output
    lines = re.findall(
        r'WARNING - \S*instances_train2017.json: (.*?)(?: \(|:)',
        ended.output)
    assert lines == [
        '2 annotations have no mask of a polygon of 3 points or more',
        '5 annotations are left out', '1 images are left out'
    ]
    assert 'loss: nan' not in ended.output


@pytest.mark.slow
def test_files_that_change_during_a_run(shapes, load_tool):
    write_config('detector')
    running = Forked(
        load_tool('train').main, ['small.py', '--work-dir', 'w',
                                  '--cfg-options', 'train_cfg.max_epochs=4'],
        before=lambda: logging.disable(logging.NOTSET))
    running.wait_for('Saving checkpoint at 1 epochs', 200)
    cut, gone, other = sorted((shapes / 'train2017').iterdir())[:3]
    spoil(cut, 'truncated')
    gone.unlink()
    spoil(other, '1x1')  # whole, and not what was annotated
    for path in (shapes / 'annotations').iterdir():
        path.write_text('{')  # They are read at the start.
    ended = running.wait(290)
    assert ended.code == 0, ended.output
    named = {Path(k).name: v for k, v in told(ended.output).items()}
    assert named.pop(gone.name) == 'there is no such file'
    assert named.pop(cut.name) == 'the JPEG is cut off'
    assert named.pop(other.name).startswith('it has 1x1 pixels, its annot')
    assert not named
    assert 'Damaged files in the whole run: 3, in' in ended.output


def test_everything_is_damaged(shapes, train):
    for path in (shapes / 'train2017').iterdir():
        spoil(path, 'empty')
    ended = train('fcmae')
    assert ended.code == 1
    message = ended.output[ended.output.index('train.py: '):]
    assert message.startswith(
        'train.py: 100 damaged files one after another, the last of them '
        'data/shapes/train2017/')
    assert message.endswith('the storage out of reach? There is no checkpoint '
                            'yet.\n')
    assert 'Traceback' not in ended.output


@pytest.mark.parametrize('is_tried, left', [
    (True, 'There is no checkpoint yet.'),  # before the first epoch
    (False, r'The last good checkpoint is \S*w/epoch_1.pth; --resume '
     'continues there.')])
def test_damaged_image_of_the_evaluation(shapes, train, is_tried, left):
    bad = shapes / 'imagenet/val/cross/cross_000002.jpg'
    spoil(bad, 'truncated')
    ended = train('classifier', '--cfg-options',
                  f'default_hooks.dry_run.enabled={is_tried}')
    assert ended.code == 1
    message = ended.output[ended.output.index('train.py: '):]
    assert message.startswith(
        f'train.py: {bad.relative_to(Path.cwd())}: the JPEG is cut off. An '
        'evaluation leaves nothing out, ')
    assert re.search(f' {left}$', message.strip())


def test_data_that_do_not_fit(shapes, train):
    """Before data sets are built, which would be mmdet's KeyError."""
    annotate(shapes / 'annotations/instances_train2017.json',
             lambda x: x['annotations'][3].update(category_id=77))
    path = sorted((shapes / 'ade/annotations/training').iterdir())[2]
    Image.open(path).point(lambda x: 9).save(path)
    for task, fault in (
            ('detector', 'annotations/instances_train2017.json: annotations[3]'
             ': there is no category with the id 77 (id '),
            ('segmentor', f'ade/annotations/training/{path.name}: it holds '
             'the label 9, ')):
        ended = train(task)
        assert ended.code == 2
        lines = ended.output.splitlines()
        assert lines[-2] == 'train.py: the data cannot be used, 1 faults:'
        assert lines[-1].startswith(f'  data/shapes/{fault}')


def test_heads_of_another_number_of_classes(shapes, train):
    ended = train('detector', '--cfg-options',
                  'model.roi_head.bbox_head.num_classes=3')
    assert ended.code == 2
    assert ('model.roi_head.bbox_head.num_classes is 3, and metainfo has 5 '
            'classes: circle, cross, square, star, triangle' in ended.output)
    # More outputs than classes: mmdet's own check.
    ended = train('detector', '--cfg-options',
                  'model.roi_head.bbox_head.num_classes=6')
    assert ended.code in (1, 2)
    assert ('The `num_classes` (6) in Shared2FCBBoxHead of MaskRCNN does not '
            'matches the length of `classes` 5) in CocoByNameDataset'
            in ended.output)


def test_batch_too_small_for_a_head(shapes, train):
    ended = train('segmentor', '--cfg-options',
                  'train_dataloader.batch_size=1')
    assert ended.code == 1
    assert ('\nFailed while running model.decode_head (UPerHead) in the dry '
            'run of data/shapes/ade/images/training/ADE_train_00000001.jpg '
            'before the first epoch; no training is lost. There is no '
            'checkpoint yet.\n') in ended.output
