"""Check images and label maps of segmentation: pairs, sizes, labels."""
import os.path as osp
from typing import Any, Callable, Iterator, Mapping

from mmcv.transforms import LoadImageFromFile

from mmconvnextv2.config.recipe_data import named, pipeline_of
from mmconvnextv2.config.walk import parts
from mmconvnextv2.datasets.survey import dropped, survey_maps, unread_files
from mmconvnextv2.text import first_of
from .lists import faults_of_list


def check_label_maps(dataset: Any, cfg: Mapping, split: str,
                     note: Callable[[str], None]) -> Iterator[str]:
    """Check that each image has a label map, and open a sample of them.

    ``DataSurveyHook`` says what is worth a note.
    """
    faults = list(_faults(dataset, cfg, split))
    yield from faults
    if faults:
        yield from unread_files(dataset)
        paths = [x['img_path'] for x in dataset.load_data_list()]
        steps = pipeline_of(cfg.get(f'{split}_dataloader'))
        for step in list(named(steps, 'LoadImageFromFile'))[:1]:
            options = {k: x for k, x in step.items() if k != 'type'}
            yield from dropped(paths, LoadImageFromFile(**options))


def _faults(dataset: Any, cfg: Mapping, split: str) -> Iterator[str]:
    classes = dataset.metainfo.get('classes') or ()
    for key, part in parts(cfg.get('model'), 'model'):
        outputs = part.get('num_classes')
        if 'head' in key and outputs and len(classes) not in (0, outputs):
            yield (f'{key}.num_classes is {outputs}, {split}_dataloader has '
                   f'{len(classes)} classes: {first_of(classes)}')
    if osp.isfile(dataset.ann_file):
        yield from faults_of_list(dataset.ann_file)
    pairs = [x for x in dataset.load_data_list() if 'seg_map_path' in x]
    missing = {
        key: [x[key] for x in pairs if not osp.exists(x[key])]
        for key in ('img_path', 'seg_map_path')
    }
    for (key, paths), what in zip(missing.items(), ('images', 'label maps')):
        if paths:
            yield (f'{dataset.data_prefix[key]}: {len(paths)} of '
                   f'{len(pairs)} {what} are missing: {first_of(paths)}')
    if not any(missing.values()):
        yield from survey_maps(dataset, pairs, split == 'train')[0]
    steps = pipeline_of(cfg.get(f'{split}_dataloader'))
    for step in named(steps, 'LoadAnnotations'):
        if step.get('reduce_zero_label') not in (None,
                                                 dataset.reduce_zero_label):
            yield (f'{split}_dataloader: LoadAnnotations has reduce_zero_label'
                   f'={step["reduce_zero_label"]}, the data set '
                   f'{dataset.reduce_zero_label}. Set it on the data set only')
