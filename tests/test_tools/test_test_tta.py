"""Test-time augmentation of a segmentor by tools/test.py."""
import pickle

import cv2
import mmseg.datasets  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch.nn.functional import interpolate

from mmconvnextv2.config.find import find_config
from mmconvnextv2.datasets import make_shapes

_CONFIG = 'upernet_convnextv2_a_shapes.py'
_RATIOS = (0.75, 0.875, 1.0, 1.125, 1.25)
_NUM_IMAGES = 2


@pytest.fixture
def model(monkeypatch, tmp_path):
    """Of random weights, written to a folder with data, the present one."""
    monkeypatch.chdir(tmp_path)
    make_shapes('data/shapes', num_train=1, num_val=_NUM_IMAGES)
    cfg = Config.fromfile(find_config(_CONFIG))
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg.model).eval()
    model.init_weights()
    # Far enough apart for predictions to differ from place to place.
    torch.nn.init.normal_(model.decode_head.conv_seg.weight)
    torch.save(dict(state_dict=model.state_dict()), 'w.pth')
    return model


def evaluate(tool, out, *options):
    """Predictions of test.py, by the name of the picture."""
    if '--cfg-options' not in options:
        options += ('--cfg-options', )
    assert tool.main([
        _CONFIG, 'w.pth', '--out', out, *options,
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False'
    ]) == 0
    with open(out, 'rb') as file:
        return {
            x['img_path']: x['pred_sem_seg']['data'].squeeze().numpy()
            for x in pickle.load(file)
        }


def probabilities(model, picture, ratio, flip):
    """Of one view, at the picture's own size: (classes, h, w)."""
    size = picture.shape[:2]
    h, w = (int(side * ratio + 0.5) for side in size)
    view = cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)
    view = view[:, ::-1] if flip else view
    mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
    view = (view[..., ::-1].astype(np.float32) - mean) / std
    image = torch.from_numpy(np.ascontiguousarray(view)).float()
    with torch.no_grad():
        logits = model.decode_head(
            model.backbone(image.permute(2, 0, 1)[None]))
        logits = interpolate(logits, (h, w), mode='bilinear')
        logits = logits.flip(-1) if flip else logits
        return interpolate(logits, size, mode='bilinear')[0].softmax(0)


def test_averages_the_probabilities_of_all_views(model, load_tool):
    tool = load_tool('test')
    # The recipes slide a window over one scale, and take several whole.
    augmented = evaluate(
        tool, 'tta.pkl', '--tta', '--cfg-options', 'model.test_cfg.mode=slide',
        'model.test_cfg.crop_size=(64,64)', 'model.test_cfg.stride=(64,64)')
    plain = evaluate(tool, 'plain.pkl')
    assert len(augmented) == len(plain) == _NUM_IMAGES
    changed = 0
    for path, found in augmented.items():
        picture = cv2.imread(path)
        single = probabilities(model, picture, 1.0, False)
        mean = sum(
            probabilities(model, picture, ratio, flip) for ratio in _RATIOS
            for flip in (False, True)) / (2 * len(_RATIOS))
        # Ties aside.
        assert (found == mean.argmax(0).numpy()).mean() > 0.999
        assert (plain[path] == single.argmax(0).numpy()).mean() > 0.999
        changed += (found != plain[path]).mean() / _NUM_IMAGES
    # So that the one cannot pass for the other.
    assert changed > 0.01
