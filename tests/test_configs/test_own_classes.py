"""The README's recipe for one's own classes, on pictures made here."""
import json
import math
import re
from pathlib import Path

import cv2
import mmdet.models  # noqa: F401
import numpy as np
import pytest
from config_run import CONFIGS, scalars, train
from mmdet.apis import inference_detector, init_detector
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from readme_snippets import python_blocks, section

_BASE = 'maskrcnn_convnextv2_b_coco.py'
# In the base's place, what a CPU can train: for 2 pictures, one at a time.
_SMALL = f'''
_base_ = '{CONFIGS}/maskrcnn_convnextv2_a_shapes.py'
max_epochs = 1
train_cfg = dict(max_epochs=max_epochs, val_interval=1)
train_dataloader = dict(batch_size=1)
'''


CLASSES = [('balloon', ), ('balloon', 'kite')]


def recipe_for(names):
    """The recipe; for two classes edited as its text says."""
    recipe, = python_blocks('Your own classes')
    for old, new in [
        ("('balloon', )", "('balloon', 'kite')"),
        ('[(220, 20, 60)]', '[(220, 20, 60), (20, 60, 220)]'),
        ('num_classes=1', 'num_classes=2'),
    ] if len(names) == 2 else ():
        assert old in recipe
        recipe = recipe.replace(old, new)
    return recipe


def write_pictures(root, names):
    """Two pictures a split, and annotations in COCO's format."""
    categories = [dict(id=7 + i, name=x) for i, x in enumerate(names)]
    (root / 'annotations').mkdir(parents=True)
    for split in ('train', 'val'):
        (root / split).mkdir()
        images = [dict(id=i, file_name=f'{i}.png', width=120, height=100)
                  for i in range(2)]
        annotations = [draw(root / split, x, categories) for x in images]
        (root / 'annotations' / f'{split}.json').write_text(
            json.dumps(dict(images=images, annotations=annotations,
                            categories=categories)))


def draw(folder, image, categories):
    """Write a picture: an ellipse or a rhombus; returns its annotation."""
    kind = image['id'] % len(categories)
    outline = cv2.ellipse2Poly((60, 50), (30, 20), 0, 0, 360,
                               90 if kind else 20)
    picture = np.full((image['height'], image['width'], 3), 90, np.uint8)
    cv2.fillPoly(picture, [outline], (30, 30, 200))
    cv2.imwrite(str(folder / image['file_name']), picture)
    return dict(
        id=image['id'] + 1,
        image_id=image['id'],
        category_id=categories[kind]['id'],
        bbox=[30, 30, 60, 40],
        area=cv2.contourArea(outline),
        iscrowd=0,
        segmentation=[outline.ravel().tolist()])


@pytest.fixture(scope='module', params=CLASSES, ids=len)
def trained(request, tmp_path_factory):
    """Folder of a run of the recipe, and its classes."""
    names = request.param
    folder = tmp_path_factory.mktemp('own')
    write_pictures(folder / 'data' / 'balloons', names)
    (folder / _BASE).write_text(_SMALL)
    (folder / 'mine.py').write_text(recipe_for(names))
    train(folder, 'mine.py')
    return folder, names


def test_trains_and_evaluates(trained):
    folder, _ = trained
    losses, metrics = scalars(folder / 'work_dirs' / 'mine')
    assert [x['iter'] for x in losses] == [2]
    assert math.isfinite(losses[0]['loss'])
    # -1 where the annotations have none of the classes.
    assert metrics[0]['coco/bbox_mAP'] >= 0
    assert metrics[0]['coco/segm_mAP'] >= 0


def test_predictions_carry_the_names(trained):
    folder, names = trained
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = init_detector(
            str(folder / 'mine.py'),
            str(folder / 'work_dirs' / 'mine' / 'epoch_1.pth'),
            device='cpu')
        model.test_cfg.rcnn.score_thr = 0.
        picture = str(folder / 'data' / 'balloons' / 'val' / '0.png')
        found = inference_detector(model, picture).pred_instances
    assert tuple(model.dataset_meta['classes']) == names
    assert len(found.labels) > 0 and found.masks.shape[1:] == (100, 120)
    assert {model.dataset_meta['classes'][i] for i in found.labels} <= set(
        names)
    assert model.roi_head.bbox_head.fc_cls.out_features == len(names) + 1


def test_boxes_only(tmp_path):
    """The recipe for annotations without masks."""
    write_pictures(tmp_path / 'data' / 'balloons', ('balloon', ))
    for file in tmp_path.glob('data/balloons/annotations/*.json'):
        content = json.loads(file.read_text())
        for annotation in content['annotations']:
            annotation['segmentation'] = []
        file.write_text(json.dumps(content))
    (tmp_path / 'own.py').write_text(recipe_for(('balloon', )))
    (tmp_path / _BASE).write_text(_SMALL)
    snippet, = python_blocks('Boxes only')
    (tmp_path / 'mine.py').write_text(f"_base_ = './own.py'\n{snippet}")
    options = re.findall(r'\S+with_mask=False', section('Boxes only'))
    assert len(options) == 3
    train(tmp_path, 'mine.py', *options)
    losses, metrics = scalars(tmp_path / 'work_dirs' / 'mine')
    assert {x for x in losses[0] if x.startswith('loss')} == {
        'loss', 'loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'loss_bbox'}
    assert metrics[0]['coco/bbox_mAP'] >= 0
    assert not any('segm' in x for x in metrics[0])


@pytest.mark.parametrize('names', CLASSES)
def test_recipe_on_the_base_config(tmp_path, monkeypatch, names):
    write_pictures(tmp_path / 'data' / 'balloons', names)
    (tmp_path / 'mine.py').write_text(recipe_for(names).replace(
        f'./{_BASE}', str(CONFIGS / _BASE)))
    cfg = Config.fromfile(tmp_path / 'mine.py')
    heads = cfg.model.roi_head
    assert heads.bbox_head.num_classes == len(names)
    assert heads.mask_head.num_classes == len(names)
    # The rest of the base is as it was.
    assert cfg.optim_wrapper.optimizer.lr == 1e-4
    assert cfg.model.backbone.init_cfg.type == 'Pretrained'
    monkeypatch.chdir(tmp_path)
    for split, source in (('train', 'train'), ('val', 'val'), ('test', 'val')):
        with DefaultScope.overwrite_default_scope('mmdet'):
            data = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        assert tuple(data.metainfo['classes']) == names
        items = [data.get_data_info(i) for i in range(len(data))]
        assert [Path(x['img_path']).parent.name for x in items] == 2 * [source]
        assert {x['instances'][0]['bbox_label']
                for x in items} == set(range(len(names)))
    for split in ('val', 'test'):
        assert cfg[f'{split}_evaluator'].ann_file == (
            'data/balloons/annotations/val.json')
