"""The grid of classified images: what is written on which."""
import cv2
import numpy as np
import pytest
import torch
from torch import nn

from mmconvnextv2.visualization import draw_classification_grid

structures = pytest.importorskip('mmpretrain.structures')
visualization = pytest.importorskip('mmpretrain.visualization')

SIDE, HEIGHT, MARGIN = 24, 96, 8
CLASSES = ('cat', 'dog', 'emu')


class Animals:
    """Grey images, of the classes in turn."""

    metainfo = dict(classes=CLASSES)

    def __init__(self, folder, count):
        self.paths = [str(folder / f'{i}.png') for i in range(count)]
        for path in self.paths:
            cv2.imwrite(path, np.full((SIDE, SIDE, 3), 128, np.uint8))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        sample = structures.DataSample(
            metainfo=dict(img_path=self.paths[index]))
        sample.set_gt_label(index % len(CLASSES))
        return dict(inputs=torch.zeros(3, SIDE, SIDE), data_samples=sample)


class AlwaysDog(nn.Module):
    """Finds a dog, and is sure of it."""

    def test_step(self, data):
        assert not self.training
        return [
            sample.set_pred_score(torch.tensor([0., 1., 0.])).set_pred_label(1)
            for sample in data['data_samples']
        ]


def test_each_with_its_classes(tmp_path, monkeypatch):
    written = []
    draw = visualization.UniversalVisualizer.visualize_cls

    def listen(self, image, sample, classes):
        written.append((classes[int(sample.gt_label)],
                        classes[int(sample.pred_label)]))
        return draw(self, image, sample, classes=classes)

    monkeypatch.setattr(visualization.UniversalVisualizer, 'visualize_cls',
                        listen)
    model = AlwaysDog().train()
    path = draw_classification_grid(
        model,
        Animals(tmp_path, 3),
        tmp_path / 'grid.png',
        num_images=3,
        columns=2,
        height=HEIGHT)
    assert model.training
    assert written == [(name, 'dog') for name in CLASSES]
    grid = cv2.imread(str(path))
    assert grid.shape == (2 * (HEIGHT + MARGIN), 2 * (HEIGHT + MARGIN), 3)
    for top, left in ((0, 0), (0, 1), (1, 0)):
        top, left = top * (HEIGHT + MARGIN), left * (HEIGHT + MARGIN)
        picture = grid[top:top + HEIGHT, left:left + HEIGHT].astype(int)
        # Text is drawn at the top; the bottom is the image.
        assert (abs(picture[:HEIGHT // 2] - 128) > 64).any()
        assert (abs(picture[-HEIGHT // 4:] - 128) < 4).all()
    assert (grid[HEIGHT + MARGIN:, HEIGHT + MARGIN:] == 255).all()
