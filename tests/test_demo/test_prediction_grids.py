"""Grids of predictions: what is drawn where, and at which size."""
import cv2
import numpy as np
import pytest
import torch
from _prediction_grids import (
    draw_classification_grid,
    draw_detection_grid,
    draw_segmentation_grid,
)
from mmengine.structures import InstanceData, PixelData
from torch import nn

SIDE, HEIGHT, MARGIN, GREY, IGNORED = 40, 80, 8, 128, 255
CELL, SCALE = HEIGHT + MARGIN, HEIGHT // SIDE
CLASSES = ('cat', 'dog', 'emu')


class Images:
    """A data set of grey images."""

    def __init__(self, folder, count, make_sample, **metainfo):
        self.make_sample, self.metainfo = make_sample, metainfo
        self.paths = [str(folder / f'{i}.png') for i in range(count)]
        for path in self.paths:
            cv2.imwrite(path, np.full((SIDE, SIDE, 3), GREY, np.uint8))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        sample = self.make_sample(index, dict(img_path=self.paths[index]))
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


def drawn(draw, model, dataset, path, **kwargs):
    """Read the grid in RGB; it is the only file, the model is as before."""
    assert draw(model, dataset, path, height=HEIGHT, **kwargs) == path
    assert model.training
    assert [x.name for x in path.parent.iterdir()] == [path.name]
    return cv2.imread(str(path))[..., ::-1].astype(int)


def test_true_and_predicted_classes(tmp_path, monkeypatch):
    structures = pytest.importorskip('mmpretrain.structures')
    visualizer = pytest.importorskip(
        'mmpretrain.visualization').UniversalVisualizer
    written, draw = [], visualizer.visualize_cls

    def listen(self, image, sample, classes):
        written.append((classes[int(sample.gt_label)],
                        classes[int(sample.pred_label)]))
        return draw(self, image, sample, classes=classes)

    monkeypatch.setattr(visualizer, 'visualize_cls', listen)
    dataset = Images(
        tmp_path, 3, lambda i, metainfo: structures.DataSample(
            metainfo=metainfo).set_gt_label(i), classes=CLASSES)
    always_dog = Predictor(lambda sample: sample.set_pred_score(
        torch.tensor([0., 1., 0.])).set_pred_label(1))
    grid = drawn(draw_classification_grid, always_dog, dataset,
                 tmp_path / 'out' / 'x.png', num_images=3, columns=2)
    assert written == [(name, 'dog') for name in CLASSES]
    assert grid.shape == (2 * CELL, 2 * CELL, 3)
    for top, left in ((0, 0), (0, CELL), (CELL, 0)):
        picture = grid[top:top + HEIGHT, left:left + HEIGHT]
        # Text is drawn at the top; the bottom is the image.
        assert (abs(picture[:HEIGHT // 2] - GREY) > 64).any()
        assert (abs(picture[-HEIGHT // 4:] - GREY) < 4).all()
    assert (grid[CELL:, CELL:] == 255).all()


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

    def make_sample(index, metainfo):
        sample = structures.DetDataSample(metainfo=metainfo)
        mask, sample.gt_instances = square(10)
        sample.gt_instances.masks = masks.BitmapMasks(
            mask.astype(np.uint8), SIDE, SIDE)
        return sample

    def predict(sample):
        mask, sample.pred_instances = square(25, scores=torch.tensor([score]))
        sample.pred_instances.masks = torch.from_numpy(mask)

    dataset = Images(tmp_path, 3, make_sample, classes=('square', ),
                     palette=[(255, 0, 0)])
    model = Predictor(predict)
    grid = drawn(draw_detection_grid, model, dataset,
                 tmp_path / 'out' / 'x.png', num_images=2, columns=1)
    assert model.seen == 2
    assert grid.shape == (2 * CELL, 2 * HEIGHT + MARGIN, 3)
    for top in (0, CELL):
        row = grid[top:top + HEIGHT]
        left, right = row[:, :HEIGHT], row[:, HEIGHT:2 * HEIGHT]
        assert changed(left, 10, 10) and not changed(left, 25, 25)
        assert changed(right, 25, 25) == is_shown
        assert not changed(right, 10, 10)


def test_image_true_and_predicted_maps(tmp_path):
    structures = pytest.importorskip('mmseg.structures')

    def make_sample(index, metainfo):
        labels = torch.zeros(1, SIDE, SIDE, dtype=torch.long)
        labels[:, SIDE // 2:] = 1
        labels[:, -1] = IGNORED
        sample = structures.SegDataSample(metainfo=metainfo)
        sample.gt_sem_seg = PixelData(data=labels)
        return sample

    def predict(sample):
        sample.pred_sem_seg = PixelData(
            data=torch.ones(1, SIDE, SIDE, dtype=torch.long))

    dataset = Images(tmp_path, 3, make_sample, classes=('a', 'b'),
                     palette=[(200, 0, 0), (0, 200, 0)])
    grid = drawn(draw_segmentation_grid, Predictor(predict), dataset,
                 tmp_path / 'out' / 'x.png', num_images=2, columns=1)
    assert grid.shape == (2 * CELL, 3 * HEIGHT + MARGIN, 3)
    # 0.7 of the colour and 0.3 of the grey below it.
    red, green = (178, 38, 38), (38, 178, 38)
    for top in (0, CELL):
        image, truth, found = np.split(
            grid[top:top + HEIGHT, :3 * HEIGHT], 3, axis=1)
        assert (image == GREY).all()
        assert (truth[:HEIGHT // 2] == red).all()
        assert (truth[HEIGHT // 2:-SCALE] == green).all()
        assert (truth[-SCALE:] == GREY).all()
        assert (found == green).all()
