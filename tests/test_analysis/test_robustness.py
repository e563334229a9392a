"""Robustness: subsets, layouts and the mean corruption error."""
import shutil
from types import SimpleNamespace

import pytest
import torch

from mmconvnextv2.analysis.robustness import (
    ALEXNET,
    C_BAR,
    PUBLISHED,
    class_folders,
    corruption_folders,
    error_rate,
    labels_of,
    mean_corruption_error,
)

CLASSES = ['n01', 'n02', 'n03', 'n04']


def make(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / 'x.JPEG').touch()
    return folder


def test_labels_of_a_subset(tmp_path):
    folder = make(tmp_path / 'a', 'n04', 'n02')
    assert labels_of(folder, CLASSES, subset=True) == [1, 3]
    with pytest.raises(ValueError, match='must have 4 of the 4 classes of the '
                       'model, such as n01; it has 2 folders, of other names: '
                       'nothing; missing: n01, n03'):
        labels_of(folder, CLASSES)
    make(folder, 'n99')
    with pytest.raises(ValueError, match='have some .* other names: n99'):
        labels_of(folder, CLASSES, subset=True)
    with pytest.raises(FileNotFoundError, match='found none'):
        labels_of(tmp_path / 'none', CLASSES)
    (make(tmp_path / 'all', *CLASSES) / 'n03/x.JPEG').unlink()
    with pytest.raises(ValueError, match='without images: n03$'):
        labels_of(tmp_path / 'all', CLASSES)


def test_imagenets_subsets_have_200_classes(tmp_path):
    classes = [f'n{i:04d}' for i in range(1000)]
    make(tmp_path, *classes[1:1000:5])
    assert labels_of(tmp_path, classes, subset=True) == [*range(1, 1000, 5)]
    shutil.rmtree(tmp_path / 'n0006')
    with pytest.raises(ValueError, match='must have 200 .* 199 folders'):
        labels_of(tmp_path, classes, subset=True)


def test_as_many_folders_as_the_model_has_classes(tmp_path):
    assert class_folders(make(tmp_path, *CLASSES), 4) == CLASSES
    with pytest.raises(FileNotFoundError, match="for each class of the "
                       "model's 5 in .*, found 4"):
        class_folders(tmp_path, 5)


def test_classes_outside_a_subset_have_no_say():
    scores = torch.tensor([[.9, .05, .03, .02], [.1, .2, .6, .1]])
    samples = [SimpleNamespace(pred_score=x, gt_label=torch.tensor([label]))
               for x, label in zip(scores, (0, 1))]
    model = SimpleNamespace(test_step=lambda batch: batch)
    # Of classes 1 and 3 the first image's best is 1, its label 0 of these.
    assert error_rate(model, [samples], [1, 3]) == 0.5
    assert error_rate(model, [samples], [0, 1, 2, 3]) == 0.5
    assert error_rate(model, [samples], [0, 2]) == 0.


@pytest.mark.parametrize('kind', ['', 'noise/'])
def test_corruptions_in_either_layout(tmp_path, kind):
    for severity in range(1, 6):
        make(tmp_path / f'{kind}snow/{severity}', *CLASSES)
    assert corruption_folders(tmp_path, ['snow']) == dict(
        snow=[tmp_path / f'{kind}snow/{x}' for x in range(1, 6)])
    with pytest.raises(FileNotFoundError, match='folders fog/1 to fog/5'):
        corruption_folders(tmp_path, ['fog'])


def test_mean_corruption_error_is_relative_to_alexnet():
    errors = {name: [0., 2 * x] for name, x in ALEXNET.items()}
    assert mean_corruption_error(errors) == pytest.approx(1)
    errors['snow'] = [0.]
    assert mean_corruption_error(errors) == pytest.approx(14 / 15)
    # AlexNet's own unnormalised error.
    assert sum(ALEXNET.values()) / 15 == pytest.approx(0.789, abs=1e-3)
    assert (len(ALEXNET), len(C_BAR)) == (15, 10)
    assert PUBLISHED['ResNet-50'][0] == 76.7
