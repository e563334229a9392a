"""Grids of predictions: what is drawn where, and at which size."""
import cv2
import numpy as np
import pytest
import torch
from _prediction_grids import draw_detection_grid, draw_segmentation_grid
from mmengine.structures import InstanceData, PixelData
from torch import nn

SIDE, HEIGHT, MARGIN, GREY, IGNORED = 40, 80, 8, 128, 255
LINE = 18  # of a title, and of the legend
CELL, SCALE = HEIGHT + LINE + MARGIN, HEIGHT // SIDE
WIDTH = HEIGHT + MARGIN


class Images:
    """A data set of grey images."""

    def __init__(self, folder, make_sample, **metainfo):
        self.make_sample, self.metainfo = make_sample, metainfo
        self.paths = [str(folder / f'{i}.png') for i in range(3)]
        for path in self.paths:
            cv2.imwrite(path, np.full((SIDE, SIDE, 3), GREY, np.uint8))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        sample = self.make_sample(dict(img_path=self.paths[index]))
        return dict(inputs=torch.zeros(3, SIDE, SIDE), data_samples=sample)


class Predictor(nn.Module):
    """A model in training mode that adds predictions to samples."""

    def __init__(self, predict):
        super().__init__()
        self.predict = predict
        self.seen = 0

    def test_step(self, data):
        assert not self.training
        for sample in data['data_samples']:
            self.predict(sample)
            self.seen += 1
        return data['data_samples']


def drawn(draw, model, dataset, folder):
    """Read the grid in RGB; it is the only file, the model is as before."""
    path = folder / 'out' / 'x.png'
    draw(model, dataset, path, num_images=2, columns=1, height=HEIGHT)
    assert model.training and model.seen == 2
    assert [x.name for x in path.parent.iterdir()] == [path.name]
    return cv2.imread(str(path))[..., ::-1].astype(int)


def changed(image, x, y):
    """Whether the middle of a 10 px square of a drawn image is not grey."""
    patch = image[y * SCALE:(y + 10) * SCALE, x * SCALE:(x + 10) * SCALE]
    return (abs(patch - GREY) > 8).any()


@pytest.mark.parametrize('score, is_shown', [(0.9, True), (0.4, False)])
def test_true_boxes_left_and_predicted_right(tmp_path, score, is_shown):
    structures = pytest.importorskip('mmdet.structures')
    masks = pytest.importorskip('mmdet.structures.mask')

    def square(start, **kwargs):
        box = torch.tensor([[start, start, start + 10., start + 10]])
        mask = np.zeros((1, SIDE, SIDE), bool)
        mask[0, start:start + 10, start:start + 10] = True
        return mask, InstanceData(
            bboxes=box, labels=torch.tensor([0]), **kwargs)

    def make_sample(metainfo):
        sample = structures.DetDataSample(metainfo=metainfo)
        mask, sample.gt_instances = square(10)
        sample.gt_instances.masks = masks.BitmapMasks(
            mask.astype(np.uint8), SIDE, SIDE)
        return sample

    def predict(sample):
        mask, sample.pred_instances = square(25, scores=torch.tensor([score]))
        sample.pred_instances.masks = torch.from_numpy(mask)

    dataset = Images(tmp_path, make_sample, classes=('square', ),
                     palette=[(255, 0, 0)])
    grid = drawn(draw_detection_grid, Predictor(predict), dataset, tmp_path)
    assert grid.shape == (2 * CELL + LINE, 2 * WIDTH, 3)
    for top in (LINE, CELL + LINE):
        row = grid[top:top + HEIGHT]
        left, right = row[:, :HEIGHT], row[:, WIDTH:WIDTH + HEIGHT]
        assert changed(left, 10, 10) and not changed(left, 25, 25)
        assert changed(right, 25, 25) == is_shown
        assert not changed(right, 10, 10)


def test_image_true_and_predicted_maps(tmp_path):
    structures = pytest.importorskip('mmseg.structures')

    def make_sample(metainfo):
        labels = torch.zeros(1, SIDE, SIDE, dtype=torch.long)
        labels[:, SIDE // 2:] = 1
        labels[:, -1] = IGNORED
        sample = structures.SegDataSample(metainfo=metainfo)
        sample.gt_sem_seg = PixelData(data=labels)
        return sample

    def predict(sample):
        sample.pred_sem_seg = PixelData(
            data=torch.ones(1, SIDE, SIDE, dtype=torch.long))

    dataset = Images(tmp_path, make_sample, classes=('a', 'b'),
                     palette=[(200, 0, 0), (0, 200, 0)])
    grid = drawn(draw_segmentation_grid, Predictor(predict), dataset, tmp_path)
    assert grid.shape == (2 * CELL + LINE, 3 * WIDTH, 3)
    # Half of the colour and half of the grey below it.
    red, green = (164, 64, 64), (64, 164, 64)
    for top in (LINE, CELL + LINE):
        image, truth, found = (grid[top:top + HEIGHT, x:x + HEIGHT]
                               for x in (0, WIDTH, 2 * WIDTH))
        assert (image == GREY).all()
        assert (truth[:HEIGHT // 2] == red).all()
        assert (truth[HEIGHT // 2:-SCALE] == green).all()
        assert (truth[-SCALE:] == GREY).all()
        assert (found == green).all()
