"""The grid of class maps: image, truth and prediction, in their colours."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from torch import nn

from mmconvnextv2.visualization import draw_segmentation_grid

structures = pytest.importorskip('mmseg.structures')

SIDE, HEIGHT, MARGIN, GREY, IGNORED = 16, 32, 8, 100, 255


class Halves:
    """Grey images: class 0 above, class 1 below, the last row ignored."""

    metainfo = dict(classes=('a', 'b'), palette=[(200, 0, 0), (0, 200, 0)])

    def __init__(self, folder, count):
        self.paths = [str(folder / f'{i}.png') for i in range(count)]
        for path in self.paths:
            cv2.imwrite(path, np.full((SIDE, SIDE, 3), GREY, np.uint8))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        labels = torch.zeros(1, SIDE, SIDE, dtype=torch.long)
        labels[:, SIDE // 2:] = 1
        labels[:, -1] = IGNORED
        sample = structures.SegDataSample(
            metainfo=dict(img_path=self.paths[index]))
        sample.gt_sem_seg = PixelData(data=labels)
        return dict(inputs=torch.zeros(3, SIDE, SIDE), data_samples=sample)


class AllSecond(nn.Module):
    """Finds the second class everywhere."""

    def test_step(self, data):
        assert not self.training
        for sample in data['data_samples']:
            sample.pred_sem_seg = PixelData(
                data=torch.ones(1, SIDE, SIDE, dtype=torch.long))
        return data['data_samples']


def test_image_truth_and_prediction(tmp_path):
    model = AllSecond().train()
    path = draw_segmentation_grid(
        model,
        Halves(tmp_path, 3),
        tmp_path / 'out' / 'grid.png',
        num_images=2,
        columns=1,
        height=HEIGHT)
    assert model.training
    assert [x.name for x in (tmp_path / 'out').iterdir()] == ['grid.png']
    grid = cv2.imread(str(path))[..., ::-1]
    assert grid.shape == (2 * (HEIGHT + MARGIN), 3 * HEIGHT + MARGIN, 3)
    # 0.7 of the colour and 0.3 of the grey below it.
    red, green = (170, 30, 30), (30, 170, 30)
    for top in (0, HEIGHT + MARGIN):
        image, truth, found = np.split(grid[top:top + HEIGHT, :3 * HEIGHT],
                                       3, axis=1)
        assert (image == GREY).all()
        assert (truth[:HEIGHT // 2] == red).all()
        assert (truth[HEIGHT // 2:-2] == green).all()
        assert (truth[-2:] == GREY).all()
        assert (found == green).all()
