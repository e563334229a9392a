import csv
import re

import cv2
import pytest
import torch
from analysis_toy import LAYERS, toy_backbone, write_class_folders
from collapse_study import distance_table
from mmengine.model import ImgDataPreprocessor

from mmconvnextv2.analysis import (
    AFTER_GRN,
    BEFORE_GRN,
    OUTPUT,
    Model,
    batches,
    class_selectivity,
    cosine_distance,
    find_images,
    nearest_neighbours,
    observe,
)
from mmconvnextv2.analysis.reports import (
    report_activations,
    report_class_selectivity,
    report_cosine_distance,
    report_neighbours,
)


@pytest.fixture
def models():
    preprocessor = ImgDataPreprocessor([100.] * 3, [50.] * 3, bgr_to_rgb=True)
    return [
        Model(name, toy_backbone(use_grn=name == 'V2').eval(), preprocessor)
        for name in ('V2', 'V1')
    ]


@pytest.fixture
def images(tmp_path):
    return find_images(write_class_folders(tmp_path / 'images'))


def written(folder, name):
    """Rows of the table; the figure has a line for each of two models."""
    picture = cv2.imread(str(folder / f'{name}.png'))
    # Matplotlib's first two colours, in BGR.
    for colour in ((180, 119, 31), (14, 127, 255)):
        assert (picture == colour).all(axis=-1).any()
    return rows_of(folder / f'{name}.csv')


def rows_of(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


class Kept(list):
    """Keeps the features that it is shown."""

    def __call__(self, layer, kind, x, labels):
        self.append((layer, kind, x))


def features_of(model, images, layer, kind):
    """Features of all images at once."""
    stream = batches(images, model.preprocess, 16, len(images.paths))
    seen = observe(model.backbone, stream, [kind], Kept())
    return {name: x for name, _, x in seen}[layer]


def test_cosine_distance(models, images, tmp_path):
    out = tmp_path / 'out'
    found = report_cosine_distance(models, images, out, 16, 2)
    rows = written(out, 'cosine_distance')
    assert [(x['model'], x['layer'], x['features'], x['images'])
            for x in rows] == [(model, layer, kind, '5')
                               for model in ('V2', 'V1') for layer in LAYERS
                               for kind in (BEFORE_GRN, AFTER_GRN)]
    distances = [float(x['distance']) for x in rows]
    assert distances[:6] == pytest.approx([
        cosine_distance(
            features_of(models[0], images, x['layer'],
                        x['features']))[0].mean().item() for x in rows[:6]
    ], abs=1e-6)
    # Without GRN the two kinds are the same.
    assert distances[6::2] == distances[7::2]
    assert [x.distance for x in found['V1']
            ] == pytest.approx(distances[6:], rel=1e-5)
    table = distance_table(found).splitlines()
    first = found['V2'][0]
    assert table[2].startswith(f'| 1 | {first.distance:.3f} ± {first.std:.3f}')
    assert [x.split(' |')[0] for x in table[5:]] == [
        '| mean', '| most dead channels']


def test_nearest_neighbours_by_hand(models, images, tmp_path):
    known = torch.tensor([[5., 0.], [0., 1.], [3., 4.], [-1., 0.]])
    labels = torch.tensor([2, 1, 1, 0])
    asked = torch.tensor([[10., 0.], [4., 3.], [-2., -1.]])
    # Cosines: 1, 0, 0.6, -1; 0.8, 0.6, 0.96, -0.8; -0.89, -0.45, -0.89, 0.89.
    for k in (1, 3, 4):
        assert nearest_neighbours(known, labels, asked,
                                  k).tolist() == [2, 1, 0]
    # Two votes of e^(0.99/0.07) outweigh one of e^(1/0.07).
    known = torch.tensor([[1., 0.], [0.99, 0.1411], [0.99, -0.1411]])
    assert nearest_neighbours(known, torch.tensor([0, 1, 1]), known[:1],
                              3).tolist() == [1]
    with pytest.raises(ValueError, match='^k must be from 1 to 3, the number '
                       'of known images, got 4$'):
        nearest_neighbours(known, labels[:3], asked, 4)
    # Each image is its own nearest neighbour.
    found = report_neighbours(models, images, images, tmp_path, 16, 2, 1)
    assert found == {'V2': 100., 'V1': 100.}
    assert rows_of(tmp_path / 'knn.csv')[0] == {
        'model': 'V2', 'k': '1', 'images': '5', 'queries': '5', 'top-1': '100'}
    for other, alone in ((images, images._replace(classes=['a'])),
                         (images._replace(classes=['']), ) * 2):
        message = ('both need folders of the same classes, at least 2: FOLDER/'
                   f'CLASS/IMAGE; found the folders {other.classes} and '
                   f'{alone.classes}')
        with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
            report_neighbours(models, other, alone, tmp_path, 16, 2, 1)


@pytest.mark.parametrize('rectify', [True, False])
def test_class_selectivity(models, images, tmp_path, rectify):
    report_class_selectivity(models, images, tmp_path, 16, 2, rectify)
    rows = written(tmp_path, 'class_selectivity')
    assert len(rows) == 2 * (4 + 8 + 8)
    assert {(x['images'], x['classes']) for x in rows} == {('5', '2')}
    x = features_of(models[0], images, LAYERS[2], OUTPUT)
    x = (x.clamp(min=0) if rectify else x).mean((1, 2))
    expected = class_selectivity(torch.stack([x[:3].mean(0), x[3:].mean(0)]))
    assert [float(x['index']) for x in rows
            if (x['model'], x['layer']) == ('V2', LAYERS[2])
            ] == pytest.approx(expected.tolist(), abs=1e-5)


def test_activations(models, images, tmp_path):
    report_activations(models, images, tmp_path, 16, num_channels=20)
    rows = rows_of(tmp_path / 'activations.csv')
    # The last block of each stage; the first has 16 expanded channels.
    assert [(x['model'], x['layer'], x['channel']) for x in rows
            ] == [(model, layer, str(channel)) for model in ('V2', 'V1')
                  for layer, count in ((LAYERS[0], 16), (LAYERS[2], 20))
                  for channel in range(count)]
    x = features_of(models[0], images, LAYERS[0], AFTER_GRN)[0, ..., 5]
    assert [float(rows[5][key]) for key in ('mean', 'std', 'min', 'max')
            ] == pytest.approx([x.mean().item(), x.std(correction=0).item(),
                                x.min().item(), x.max().item()],
                               rel=1e-4, abs=1e-6)
    picture = cv2.imread(str(tmp_path / 'activations.png'))
    assert picture.shape[:2] == (768, 1080)


def test_layer_that_is_not_there(models, images, tmp_path):
    with pytest.raises(
            ValueError,
            match="^V2 has no block 'stages.4.0'; it has stages.0.0 to "
            'stages.1.1$'):
        report_activations(models, images, tmp_path / 'out', 16,
                           layers=['stages.0.0', 'stages.4.0'])
    assert not (tmp_path / 'out').exists()
