"""OpenMMLab's inferencers behind one interface: an image in, a result out."""
import warnings
from typing import Any, Dict, Optional, Sequence, Tuple

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmconvnextv2.checkpoint.errors import blamed
from mmconvnextv2.checkpoint.pretrained import load_whole
from mmconvnextv2.visualization.predictions import (
    add_legend,
    class_colours,
    draw_instances,
    draw_label_map,
)
from .classes import contradiction, find_classes
from .reconstruct import Reconstructor
from .results import Prediction

_TOP = 5  # classes that a classifier names


class Predictor:
    """A model with its weights, which come from the checkpoint alone.

    Args:
        cfg (Config): A config of the task.
        checkpoint (str): Path or URL of the weights of the whole model.
        device (str, optional): Device to compute on. Defaults to None, a GPU
            if there is one.
        score_thr (float): Lowest score of a detection. Defaults to 0.3.
        size (int): Shorter side of an image that FCMAE reconstructs, in
            pixels. Defaults to 224.
        seed (int): Seed of the mask of each image. Defaults to 0.
        entry (str, optional): Key of the state dict in a checkpoint that
            holds several. Defaults to None.

    Attributes:
        classes (dict): See ``find_classes``.
        remark (str): What the config says otherwise; see ``contradiction``.

    Raises:
        FileNotFoundError, CheckpointError: If the checkpoint is missing or
            does not fit.
    """

    def __init__(self, cfg: Config, checkpoint: str,
                 device: Optional[str] = None, score_thr: float = 0.3,
                 size: int = 224, seed: int = 0,
                 entry: Optional[str] = None) -> None:
        self.device, self.score_thr = device, score_thr
        self.size, self.seed = size, seed
        with warnings.catch_warnings():  # of weights that are yet to come
            warnings.simplefilter('ignore')
            self.inferencer = self._build(cfg)
        # Not all versions of the packages take it as an argument.
        self.inferencer.show_progress = False
        meta = load_whole(self.inferencer.model, checkpoint, entry)
        with blamed(checkpoint):
            self.classes = find_classes(cfg, meta)
            self.remark = contradiction(cfg, meta)

    def _build(self, cfg: Config) -> Any:
        """Build the inferencer; its model has random weights."""
        raise NotImplementedError

    def __call__(self, path: str) -> Prediction:
        """Predict for the image with this path."""
        raise NotImplementedError

    def named(self, label: int, **values: Any) -> Dict[str, Any]:
        """Describe a class by label, name (or number) and other values."""
        names = self.classes.get('classes', ())
        name = names[label] if label < len(names) else str(label)
        return dict(label=label, name=name, **values)

    def look(self, num_labels: int) -> Tuple[Sequence[str], np.ndarray]:
        """Return name and colour of each class, at least of so many."""
        names = self.classes.get('classes', ())
        names = [*names, *map(str, range(len(names), num_labels))]
        return names, class_colours(len(names), self.classes.get('palette'))


class Detector(Predictor):
    """Find boxes, and masks if the model has them."""

    def _build(self, cfg: Config) -> Any:
        from mmdet.apis import DetInferencer
        cfg = _with_visualizer(cfg, 'DetLocalVisualizer')
        return DetInferencer(cfg, device=self.device)

    def __call__(self, path: str) -> Prediction:
        found = self.inferencer(path)['predictions'][0]
        parts = dict(bbox='bboxes', mask='masks')
        instances = [
            self.named(
                found['labels'][i],
                score=score,
                **{k: found[v][i] for k, v in parts.items() if v in found})
            for i, score in enumerate(found['scores'])
            if score >= self.score_thr
        ]
        return Prediction(
            dict(instances=instances), self._draw(path, instances))

    def _draw(self, path: str, instances: Sequence[Dict]) -> np.ndarray:
        labels = [x['label'] for x in instances]
        names, colours = self.look(max(labels, default=-1) + 1)
        picture = draw_instances(
            mmcv.imread(path, channel_order='rgb'), labels,
            [x['bbox'] for x in instances], colours, names,
            [_decode(x['mask']) for x in instances if 'mask' in x] or None,
            [x['score'] for x in instances])
        return add_legend(picture, labels, colours, names)


class Segmentor(Predictor):
    """Find the class of each pixel."""

    def _build(self, cfg: Config) -> Any:
        from mmseg.apis import MMSegInferencer
        cfg = _with_visualizer(cfg, 'SegLocalVisualizer')
        return MMSegInferencer(cfg, device=self.device)

    def __call__(self, path: str) -> Prediction:
        labels = self.inferencer(path)['predictions']
        found, counts = np.unique(labels, return_counts=True)
        classes = [
            self.named(label, share=count / labels.size)
            for label, count in zip(found.tolist(), counts.tolist())
        ]
        classes.sort(key=lambda x: -x['share'])
        names, colours = self.look(int(labels.max()) + 1)
        picture = draw_label_map(
            mmcv.imread(path, channel_order='rgb'), labels, colours)
        return Prediction(dict(classes=classes), add_legend(
            picture, found, colours, names), labels)


class Classifier(Predictor):
    """Score the classes."""

    def _build(self, cfg: Config) -> Any:
        from mmpretrain.apis import ImageClassificationInferencer
        from mmpretrain.utils import progress
        from mmpretrain.visualization import UniversalVisualizer
        init_default_scope('mmpretrain')
        progress.disable_progress_bar = True
        self._visualizer = UniversalVisualizer()
        return ImageClassificationInferencer(
            cfg, pretrained=False, device=self.device)

    def __call__(self, path: str) -> Prediction:
        sample = self.inferencer(path, return_datasamples=True)[0]
        scores, labels = sample.pred_score.sort(descending=True)
        best = [
            self.named(label, score=score) for label, score in zip(
                labels[:_TOP].tolist(), scores[:_TOP].tolist())
        ]
        picture = self._visualizer.visualize_cls(
            mmcv.imread(path, channel_order='rgb'),
            sample,
            classes=self.classes.get('classes'),
            draw_gt=False)
        return Prediction(dict(classes=best), picture)


class MaskedAutoencoder(Predictor):
    """Guess masked patches; each image gets its mask from the same seed."""

    def _build(self, cfg: Config) -> Reconstructor:
        return Reconstructor(cfg, self.size, self.device)

    def __call__(self, path: str) -> Prediction:
        generator = torch.Generator().manual_seed(self.seed)
        return self.inferencer(path, generator)


def _decode(mask: Dict) -> np.ndarray:
    from pycocotools.mask import decode
    return decode(mask).astype(bool)


def _with_visualizer(cfg: Config, kind: str) -> Config:
    """Copy a config, with a visualizer that stores nothing."""
    return Config({**cfg.to_dict(), 'visualizer': dict(type=kind)})
