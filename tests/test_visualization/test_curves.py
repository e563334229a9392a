import json

import cv2

from mmconvnextv2.visualization.curves import draw_curves, read_curves


def _write(work_dir, time, *lines):
    path = work_dir / time / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(x if isinstance(x, str) else json.dumps(x)
                              for x in lines))


def test_runs_of_a_work_dir_make_one_curve(tmp_path):
    _write(tmp_path, '20260101_000000', {'top1': 5., 'step': 1})  # a test
    _write(tmp_path, '20260102_000000',
           dict(loss=3., loss_cls=2., lr=0.1, step=10),
           dict(loss=2., loss_cls=1., lr=0.1, step=20),
           {'mAP': 0.1, 'mAP_50': 0.2, 'of_classes': [0.1, 0.2], 'time': 1.,
            'step': 1},
           dict(loss=9., loss_cls=9., lr=0.1, step=30), '{"loss": 1')
    # Resumed from iteration 20.
    _write(tmp_path, '20260103_000000', dict(loss=1., lr=0.1, step=30),
           {'mAP': 0.3, 'mAP_50': 0.4, 'data_time': 1., 'step': 2})
    curves = read_curves(tmp_path)
    assert curves.losses == dict(
        loss=[(10, 3.), (20, 2.), (30, 1.)], loss_cls=[(10, 2.), (20, 1.)])
    assert curves.metrics == dict(
        mAP=[(20, 0.1), (30, 0.3)], mAP_50=[(20, 0.2), (30, 0.4)])
    draw_curves(curves, tmp_path / 'x.png')
    assert cv2.imread(str(tmp_path / 'x.png')).shape == (600, 700, 3)
    curves.metrics.clear()
    draw_curves(curves, tmp_path / 'x.png')
    assert cv2.imread(str(tmp_path / 'x.png')).shape == (300, 700, 3)


def test_nothing_was_logged(tmp_path):
    assert read_curves(tmp_path) == ({}, {})
