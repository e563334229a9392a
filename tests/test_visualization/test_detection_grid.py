"""The picture grid: who is drawn where, at which size."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torch import nn

from mmconvnextv2.visualization import draw_detection_grid

mmdet_structures = pytest.importorskip('mmdet.structures')
masks = pytest.importorskip('mmdet.structures.mask')

SIDE, HEIGHT, MARGIN = 40, 80, 8


class OneSquare:
    """A data set of grey images with one object each, at (10, 10, 20, 20)."""

    metainfo = dict(classes=('square', ), palette=[(255, 0, 0)])

    def __init__(self, folder, count):
        self.paths = [str(folder / f'{i}.png') for i in range(count)]
        for path in self.paths:
            cv2.imwrite(path, np.full((SIDE, SIDE, 3), 128, np.uint8))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        mask = np.zeros((1, SIDE, SIDE), np.uint8)
        mask[0, 10:20, 10:20] = 1
        sample = mmdet_structures.DetDataSample(
            metainfo=dict(img_path=self.paths[index]))
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[10., 10., 20., 20.]]),
            labels=torch.tensor([0]),
            masks=masks.BitmapMasks(mask, SIDE, SIDE))
        return dict(inputs=torch.zeros(3, SIDE, SIDE), data_samples=sample)


class Predictor(nn.Module):
    """Finds one square at the lower right, as sure as told."""

    def __init__(self, score):
        super().__init__()
        self.score = score
        self.modes = []

    def test_step(self, data):
        self.modes.append(self.training)
        mask = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
        mask[0, 25:35, 25:35] = True
        for sample in data['data_samples']:
            sample.pred_instances = InstanceData(
                bboxes=torch.tensor([[25., 25., 35., 35.]]),
                scores=torch.tensor([self.score]),
                labels=torch.tensor([0]),
                masks=mask)
        return data['data_samples']


def draw(tmp_path, score, count=3):
    model = Predictor(score).train()
    path = draw_detection_grid(
        model,
        OneSquare(tmp_path, count),
        tmp_path / 'out' / 'grid.png',
        num_images=2,
        columns=1,
        height=HEIGHT)
    assert model.training
    assert model.modes == [False, False]
    return cv2.imread(str(path))


def changed(image, x, y):
    """Whether the middle of a 10 px square of a drawn image is not grey."""
    scale = HEIGHT // SIDE
    patch = image[y * scale:(y + 10) * scale, x * scale:(x + 10) * scale]
    return (abs(patch.astype(int) - 128) > 8).any()


def test_ground_truth_left_and_prediction_right(tmp_path):
    grid = draw(tmp_path, score=0.9)
    assert grid.shape == (2 * (HEIGHT + MARGIN), 2 * HEIGHT + MARGIN, 3)
    for top in (0, HEIGHT + MARGIN):
        row = grid[top:top + HEIGHT]
        left, right = row[:, :HEIGHT], row[:, HEIGHT:2 * HEIGHT]
        assert changed(left, 10, 10) and not changed(left, 25, 25)
        assert changed(right, 25, 25) and not changed(right, 10, 10)


def test_doubtful_predictions_are_left_out(tmp_path):
    grid = draw(tmp_path, score=0.4)
    right = grid[:HEIGHT, HEIGHT:2 * HEIGHT]
    np.testing.assert_allclose(right, 128, atol=1)


def test_no_partial_file_is_left(tmp_path):
    draw(tmp_path, score=0.9, count=2)
    assert [p.name for p in (tmp_path / 'out').iterdir()] == ['grid.png']
