"""Train, test and predict with our backbone in a config of another toolbox.

    python dev/toolboxes.py mmrotate FOLDER

makes miniature data in the layout that the config wants, writes the config as
`docs/toolboxes.md` says, and runs it by `tools/train.py` and `tools/test.py`,
then by the toolbox's own function for one image. ``dev/toolboxes.sh`` runs it
beside each toolbox, which it installs.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import mmconvnextv2  # noqa: F401  # before torchvision, for CPU builds

# isort: split

import cv2

ROOT = Path(__file__).resolve().parents[1]
IMAGES = 4  # of each split; the last is shown to the function for one image
OPTIONS = ['train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
           'train_dataloader.persistent_workers=False',
           'val_dataloader.batch_size=1', 'val_dataloader.num_workers=0',
           'val_dataloader.persistent_workers=False',
           'test_dataloader.num_workers=0',
           'test_dataloader.persistent_workers=False',
           'train_cfg.max_epochs=2', 'train_cfg.val_interval=2',
           'default_hooks.logger.interval=1', 'model.backbone.init_cfg=None']


def canvas(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Make an image (H, W, 3) of noise."""
    return rng.integers(90, 130, (height, width, 3), dtype=np.uint8)


def save(file: Path, image: np.ndarray) -> None:
    """Write an image and the folders that lead to it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), image)


def make_dota(root: Path, rng: np.random.Generator) -> Path:
    """DOTA, cut as by mmrotate: 8 numbers, class, difficulty."""
    folder = root / 'split_ss_dota' / 'trainval'
    (folder / 'annfiles').mkdir(parents=True)
    for i in range(IMAGES):
        image, lines = canvas(rng, 256, 256), []
        for name, colour in (('ship', (0, 0, 255)), ('plane', (255, 0, 0))):
            box = ((rng.uniform(60, 196), rng.uniform(60, 196)),
                   (80., 40.), rng.uniform(0, 180))
            corners = cv2.boxPoints(box)
            cv2.fillPoly(image, [corners.astype(int)], colour)
            lines.append(' '.join(f'{x:.1f}' for x in corners.ravel())
                         + f' {name} 0')
        save(folder / 'images' / f'P{i:04d}.png', image)
        (folder / 'annfiles' / f'P{i:04d}.txt').write_text(
            '\n'.join(lines) + '\n')
    return folder / 'images' / f'P{i:04d}.png'


def person(rng: np.random.Generator, image: np.ndarray) -> dict:
    """Draw 17 coloured points of a standing person; returns the annotation."""
    x, y, w, h = rng.uniform(20, 60), rng.uniform(10, 30), 90., 180.
    spots = np.array([  # nose, eyes, ears, shoulders, ... ankles; in the box
        (.5, .1), (.55, .07), (.45, .07), (.6, .1), (.4, .1), (.7, .25),
        (.3, .25), (.8, .4), (.2, .4), (.85, .55), (.15, .55), (.62, .55),
        (.38, .55), (.64, .75), (.36, .75), (.66, .95), (.34, .95)])
    points = np.array([x, y]) + spots * (w, h) + rng.normal(0, 2, (17, 2))
    for k, point in enumerate(points):
        cv2.circle(image, tuple(point.astype(int)), 6,
                   (15 * k, 255 - 15 * k, 60 * (k % 4)), -1)
    keypoints = [v for p in points for v in (*map(float, p), 2)]
    return dict(category_id=1, bbox=[x, y, w, h], area=w * h, iscrowd=0,
                keypoints=keypoints, num_keypoints=17,
                segmentation=[[x, y, x + w, y, x + w, y + h, x, y + h]])


def make_coco(root: Path, rng: np.random.Generator) -> Path:
    """COCO with boxes, keypoints and the detections that mmpose tests on."""
    folder = root / 'coco'
    (folder / 'annotations').mkdir(parents=True)
    from mmdet.datasets import CocoDataset
    names = CocoDataset.METAINFO['classes']  # of which person is the first
    for split in ('train2017', 'val2017'):
        images, annotations = [], []
        for i in range(1, IMAGES + 1):
            image = canvas(rng, 240, 200)
            annotations.append(dict(person(rng, image), id=i, image_id=i))
            name = f'{i:012d}.jpg'
            save(folder / split / name, image)
            images.append(dict(id=i, file_name=name, height=240, width=200))
        for kind, count in (('person_keypoints', 1), ('instances', 80)):
            (folder / 'annotations' / f'{kind}_{split}.json').write_text(
                json.dumps(dict(images=images, annotations=annotations,
                                categories=[
                                    dict(id=k + 1, name=name) for k, name
                                    in enumerate(names[:count])])))
    found = folder / 'person_detection_results'
    found.mkdir()
    (found / 'COCO_val2017_detections_AP_H_56_person.json').write_text(
        json.dumps([dict(image_id=x['image_id'], bbox=x['bbox'], score=.9,
                         category_id=1) for x in annotations]))
    return folder / split / name


# KITTI's camera and images, a third as wide and high.
P2 = np.array([[240.5, 0, 203.2, 15.], [0, 240.5, 57.6, .07],
               [0, 0, 1, .003]])
TO_CAMERA = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1., 0, 0, 0]])


def car(rng: np.random.Generator, image: np.ndarray) -> tuple:
    """Draw a car of 1.5 x 1.6 x 3.9 m; returns its label and its points."""
    place = np.array([rng.uniform(-4, 4), 1.65, rng.uniform(10, 25)])
    size = np.array([3.9, 1.5, 1.6])  # length along x: rotation_y is 0
    corners = np.array([(x, y, z) for x in (-.5, .5) for y in (-1, 0)
                        for z in (-.5, .5)]) * size + place
    pixels = np.c_[corners, np.ones(8)] @ P2.T
    pixels = pixels[:, :2] / pixels[:, 2:]
    box = np.r_[pixels.min(0), pixels.max(0)].clip(0, [413, 124] * 2)
    cv2.rectangle(image, tuple(box[:2].astype(int)),
                  tuple(box[2:].astype(int)), (0, 0, 255), -1)
    alpha = -np.arctan2(place[0], place[2])
    numbers = [alpha, *box, 1.5, 1.6, 3.9, *place, 0]
    label = 'Car 0.00 0 ' + ' '.join(f'{x:.2f}' for x in numbers)
    points = (rng.uniform(-.4, .4, (50, 3)) - (0, .5, 0)) * size + place
    return label, points


def make_kitti(root: Path, rng: np.random.Generator) -> Path:
    """KITTI's folders, and the files that mmdet3d's create_data.py makes."""
    folder = root / 'kitti'
    calibration = ''.join(
        f'{name}: {" ".join(f"{x:.6e}" for x in np.ravel(value))}\n'
        for name, value in (
            ('P0', P2), ('P1', P2), ('P2', P2), ('P3', P2),
            ('R0_rect', np.eye(3)), ('Tr_velo_to_cam', TO_CAMERA),
            ('Tr_imu_to_velo', np.eye(3, 4))))
    for part in ('training', 'testing'):
        for kind in ('calib', 'label_2', 'velodyne'):
            (folder / part / kind).mkdir(parents=True)
        for i in range(IMAGES):
            image = canvas(rng, 125, 414)
            label, points = car(rng, image)
            save(folder / part / 'image_2' / f'{i:06d}.png', image)
            for kind, text in (('calib', calibration), ('label_2', label)):
                (folder / part / kind / f'{i:06d}.txt').write_text(text + '\n')
            points = points @ TO_CAMERA[:, :3]  # its inverse is its transpose
            np.c_[points, np.ones(50)].astype('f4').tofile(
                folder / part / 'velodyne' / f'{i:06d}.bin')
    (folder / 'ImageSets').mkdir()
    for split in ('train', 'val', 'trainval', 'test'):
        (folder / 'ImageSets' / f'{split}.txt').write_text(
            '\n'.join(f'{i:06d}' for i in range(IMAGES)) + '\n')
    import mmdet3d
    own = Path(mmdet3d.__file__).parent / '.mim'
    command([own / 'tools' / 'create_data.py', 'kitti', '--root-path',
             folder, '--out-dir', folder, '--extra-tag', 'kitti'],
            root.parent, path=own)
    return folder / 'training' / 'image_2' / f'{i:06d}.png'


def predict_detector(config: str, weights: str, image: Path) -> str:
    """mmdet's function, which mmrotate's and mmyolo's users call, too."""
    from mmdet.apis import inference_detector, init_detector
    model = init_detector(config, weights, device='cpu')
    found = inference_detector(model, str(image)).pred_instances
    return f'{len(found)} boxes, scores to {float(found.scores.max()):.3f}'


def predict_pose(config: str, weights: str, image: Path) -> str:
    """mmpose's function for one person, here the whole image."""
    from mmpose.apis import inference_topdown, init_model
    model = init_model(config, weights, device='cpu')
    found = inference_topdown(model, str(image))[0].pred_instances
    return (f'keypoints {found.keypoints.shape}, scores to '
            f'{found.keypoint_scores.max():.3f}')


def predict_mono(config: str, weights: str, image: Path) -> str:
    """mmdet3d's function for the images of a file, from one camera."""
    from mmdet3d.apis import inference_mono_3d_detector, init_model
    model = init_model(  # Four steps give no score above its 0.001.
        config, weights, device='cpu',
        cfg_options={'model.test_cfg.score_thr': 0.})
    infos = image.parents[2] / 'kitti_infos_val.pkl'
    images = [str(x) for x in sorted(image.parent.glob('*.png'))]
    found = inference_mono_3d_detector(
        model, images, str(infos), 'CAM2')[-1].pred_instances_3d
    return f'{len(found)} boxes, scores to {float(found.scores_3d.max()):.3f}'


SMALL = [f'{x}_dataloader.dataset.pipeline.{i}.scale=(256,256)'
         for x, i in (('train', 3), ('val', 1), ('test', 1))]
# Toolbox: config, data, the function for one image, other options.
TOOLBOXES = {
    'mmrotate': ('mmrotate::oriented_rcnn/oriented-rcnn-le90_r50_fpn_1x_dota'
                 '.py', make_dota, predict_detector, SMALL),
    'mmpose': ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
               'td-hm_res50_8xb64-210e_coco-256x192.py', make_coco,
               predict_pose, []),
    'mmyolo': ('mmyolo::rtmdet/rtmdet_tiny_syncbn_fast_8xb32-300e_coco.py',
               make_coco, predict_detector, []),
    'mmdet3d': ('mmdet3d::pgd/pgd_r101-caffe_fpn_head-gn_4xb3-4x_kitti-mono3d'
                '.py', make_kitti, predict_mono,
                ['train_dataloader.dataset.pipeline.2.scale=(414,125)',
                 # In three dimensions it needs a GPU.
                 'val_evaluator.metric=img_bbox',
                 'test_evaluator.metric=img_bbox']),
}


def command(words: list, folder: Path, path: Path = ROOT) -> None:
    """Run a Python file in a folder."""
    subprocess.run([sys.executable, '-W', 'ignore', *map(str, words)],
                   cwd=folder, check=True,
                   env={**os.environ, 'PYTHONPATH': f'{path}:{ROOT}'})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('toolbox', choices=TOOLBOXES)
    parser.add_argument('folder', type=Path)
    args = parser.parse_args()
    base, make, predict, others = TOOLBOXES[args.toolbox]
    args.folder.mkdir(parents=True)
    image = make(args.folder / 'data', np.random.default_rng(0))
    tools, config = ROOT / 'tools', args.folder / 'mine.py'
    command([tools / 'use_backbone.py', base, '--arch', 'atto', '--out',
             config.name], args.folder)
    options = ['--cfg-options', *OPTIONS, *others]
    command([tools / 'train.py', config.name, *options], args.folder)
    weights = 'work_dirs/mine/epoch_2.pth'
    command([tools / 'test.py', config.name, weights, *options], args.folder)
    os.chdir(args.folder)
    print(args.toolbox, predict(config.name, weights, image))


if __name__ == '__main__':
    main()
