"""The survey of data sets when a run begins, within wrappers too."""
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.runner import BaseLoop
from mmseg.datasets import BaseSegDataset
from PIL import Image

from mmconvnextv2.engine.hooks import DataSurveyHook
from mmconvnextv2.errors import CommandError


class Loop(BaseLoop):

    def __init__(self, dataset):
        self.dataloader = SimpleNamespace(dataset=dataset)

    def run(self):
        """Not run."""


def dataset(root, values, name):
    for folder, mode in (('img', 'RGB'), ('maps', 'L')):
        (root / name / folder).mkdir(parents=True)
        Image.new(mode, (4, 2)).save(root / name / folder / 'a.png')
    Image.fromarray(np.uint8([values])).resize((4, 2), 0).save(
        root / name / 'maps' / 'a.png')
    return BaseSegDataset(
        data_root=str(root / name), img_suffix='.png',
        metainfo=dict(classes=('a', 'b', 'c')),
        data_prefix=dict(img_path='img', seg_map_path='maps'))


def run(train, val=None):
    said = []
    runner = SimpleNamespace(
        _train_loop=Loop(train), _val_loop=val and Loop(val),
        _test_loop=dict(not_built=True),
        logger=SimpleNamespace(warning=said.append))
    DataSurveyHook().before_run(runner)
    return said


def test_parts_of_training_and_evaluation(tmp_path):
    whole = dataset(tmp_path, [0, 1, 2, 0], 'whole')
    part = dataset(tmp_path, [0, 1, 1, 0], 'part')
    assert run(RepeatDataset(whole, 2), whole) == []
    start = f'{tmp_path}/part/maps: 1 of the 3 classes have no pixel in the 1 '
    assert run(ConcatDataset([whole, part, part]), part) == [
        start + 'label maps: c. They cannot be learnt from these.',
        start + 'label maps: c. mIoU leaves them out.']


def test_data_that_leave_nothing_end_the_run(tmp_path):
    masks = dataset(tmp_path, [0, 255, 255, 255], 'masks')
    none = dataset(tmp_path, [255, 255, 255, 255], 'none')
    with pytest.raises(CommandError) as caught:
        run(ConcatDataset([masks, none, masks]), none)
    lines = str(caught.value).splitlines()
    assert lines[0] == 'the data cannot be used, 2 faults:'
    assert lines[1].startswith(
        f"  {tmp_path}/masks/maps: the 1 label maps have pixels of one class "
        "only, 'a' (75% of the pixels are ignored): a model ")
    assert lines[2:] == [
        f'  {tmp_path}/none/maps: all pixels of the 1 label maps are ignored.']
