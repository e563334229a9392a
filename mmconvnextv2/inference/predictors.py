"""OpenMMLab's inferencers behind one interface: an image in, a result out."""
from typing import Any, Callable, Dict, List, Optional

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.infer import BaseInferencer
from mmengine.registry import init_default_scope

from .dataset_meta import dataset_meta
from .fcmae_inferencer import FCMAEInferencer
from .prediction import Options, Prediction
from .tasks import (
    CLASSIFICATION,
    DETECTION,
    RECONSTRUCTION,
    SEGMENTATION,
    recognise_task,
)
from .weights import load_whole

_TOP = 5


class Predictor:
    """A model with its weights.

    Subclasses wrap an inferencer each. No ``init_cfg`` is applied: weights
    come from the checkpoint alone.

    Args:
        cfg (Config): A config of the task.
        checkpoint (str): Path or URL of the weights of the whole model.
        options (Options): What the user chose.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        CheckpointError: If it does not fit.
    """

    def __init__(self, cfg: Config, checkpoint: str,
                 options: Options) -> None:
        self.options = options
        self.inferencer = self._build(cfg)
        # Not all versions of the packages take it as an argument.
        self.inferencer.show_progress = False
        meta = load_whole(self.inferencer.model, checkpoint)
        self.meta = dataset_meta(cfg, meta)
        self._tell_classes()

    def _build(self, cfg: Config) -> Any:
        """The inferencer, its model without weights."""
        raise NotImplementedError

    def _tell_classes(self) -> None:
        """Tell the inferencer the classes."""

    def __call__(self, path: str) -> Prediction:
        """Predict for an image.

        Args:
            path (str): Its path.
        """
        raise NotImplementedError

    def name(self, label: int) -> str:
        """Name of a class, or its number if it has none."""
        classes = self.meta.get('classes', ())
        return classes[label] if label < len(classes) else str(label)


class Detector(Predictor):
    """Boxes, and masks if the model has them."""

    def _build(self, cfg: Config) -> BaseInferencer:
        from mmdet.apis import DetInferencer
        cfg = _with_visualizer(cfg, 'DetLocalVisualizer')
        inferencer = DetInferencer(cfg, device=self.options.device)
        inferencer.model.dataset_meta = dict(palette='random')
        return inferencer

    def _tell_classes(self) -> None:
        self.inferencer.model.dataset_meta.update(self.meta)
        self.inferencer.visualizer.dataset_meta = (
            self.inferencer.model.dataset_meta)

    def __call__(self, path: str) -> Prediction:
        out = self.inferencer(
            path, return_vis=True, pred_score_thr=self.options.score_thr)
        found = out['predictions'][0]
        return Prediction(
            dict(instances=self._instances(found)), out['visualization'][0])

    def _instances(self, found: dict) -> List[dict]:
        instances = []
        for i, score in enumerate(found['scores']):
            if score < self.options.score_thr:
                continue
            label = found['labels'][i]
            instance = dict(label=label, name=self.name(label), score=score)
            for key, name in (('bboxes', 'bbox'), ('masks', 'mask')):
                if key in found:
                    instance[name] = found[key][i]
            instances.append(instance)
        return instances


class Segmentor(Predictor):
    """A class for each pixel."""

    def _build(self, cfg: Config) -> BaseInferencer:
        from mmseg.apis import MMSegInferencer
        cfg = _with_visualizer(cfg, 'SegLocalVisualizer')
        return MMSegInferencer(cfg, device=self.options.device)

    def _tell_classes(self) -> None:
        if 'classes' not in self.meta:
            number = self.inferencer.model.decode_head.num_classes
            self.meta['classes'] = tuple(str(i) for i in range(number))
            self.meta['palette'] = None
        self.inferencer.model.dataset_meta = dict(self.meta)

    def __call__(self, path: str) -> Prediction:
        out = self.inferencer(path, return_vis=True)
        labels = out['predictions']
        found, counts = np.unique(labels, return_counts=True)
        classes = [
            dict(label=label, name=self.name(label), share=count / labels.size)
            for label, count in zip(found.tolist(), counts.tolist())
        ]
        classes.sort(key=lambda x: -x['share'])
        return Prediction(
            dict(classes=classes), out['visualization'], labels)


class Classifier(Predictor):
    """Scores of the classes."""

    def _build(self, cfg: Config) -> Any:
        from mmpretrain.apis import ImageClassificationInferencer
        from mmpretrain.utils import progress
        from mmpretrain.visualization import UniversalVisualizer
        init_default_scope('mmpretrain')
        progress.disable_progress_bar = True
        self._visualizer = UniversalVisualizer()
        return ImageClassificationInferencer(
            cfg, pretrained=False, device=self.options.device)

    def __call__(self, path: str) -> Prediction:
        sample = self.inferencer(path, return_datasamples=True)[0]
        scores, labels = sample.pred_score.sort(descending=True)
        best = [
            dict(label=label, name=self.name(label), score=score) for label,
            score in zip(labels[:_TOP].tolist(), scores[:_TOP].tolist())
        ]
        picture = self._visualizer.visualize_cls(
            mmcv.imread(path, channel_order='rgb'),
            sample,
            classes=self.meta.get('classes'),
            draw_gt=False)
        return Prediction(dict(classes=best), picture)


class Reconstructor(Predictor):
    """Masked patches, as FCMAE guesses them."""

    def _build(self, cfg: Config) -> BaseInferencer:
        return FCMAEInferencer(
            cfg,
            device=self.options.device,
            size=self.options.size,
            seed=self.options.seed)

    def __call__(self, path: str) -> Prediction:
        out = self.inferencer(path)
        return Prediction(out['predictions'][0], out['visualization'][0])


_PREDICTORS: Dict[str, Callable[..., Predictor]] = {
    DETECTION: Detector,
    SEGMENTATION: Segmentor,
    CLASSIFICATION: Classifier,
    RECONSTRUCTION: Reconstructor,
}


def build_predictor(cfg: Config,
                    checkpoint: str,
                    options: Optional[Options] = None) -> Predictor:
    """Build what a config's task calls for; see ``Predictor``.

    Raises:
        ValueError: If the task is none of ``TASKS``, or the config does not
            say how images are prepared.
    """
    task = recognise_task(cfg)
    if task != RECONSTRUCTION and not cfg.get('test_dataloader'):
        raise ValueError('the config must have a test_dataloader, whose '
                         'pipeline prepares the images')
    return _PREDICTORS[task](cfg, checkpoint, options or Options())


def _with_visualizer(cfg: Config, kind: str) -> Config:
    """A copy of the config, with a visualizer that stores nothing."""
    return Config({**cfg.to_dict(), 'visualizer': dict(type=kind)})
