import json

import cv2
import pytest
import torch
from fcmae_toy import train_config, write_images
from mmengine.config import Config
from mmengine.runner import Runner

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2.engine import ReconstructionHook


def train(folder, name, *hooks):
    """Train the toy; returns the runner and its pictures by file name."""
    if not (folder / 'images').exists():
        write_images(folder / 'images')
    runner = Runner.from_cfg(Config(dict(
        train_config(folder), experiment_name=name, custom_hooks=list(hooks),
        work_dir=str(folder / name))))
    runner.train()
    pictures = (folder / name).rglob('vis_image/*.png')
    return runner, {x.name: cv2.imread(str(x)) for x in pictures}


def test_pictures_and_logs(tmp_path):
    hook = dict(
        type='mmconvnextv2.ReconstructionHook', interval=1, num_images=1)
    runner, pictures = train(tmp_path, 'with_hook', hook)
    assert set(pictures) == {'reconstruction_1.png', 'reconstruction_2.png'}
    first, last = (pictures[f'reconstruction_{i}.png'] for i in (1, 2))
    # One image of 32 pixels; the same under the same mask each time.
    assert first.shape == (34, 4 * 34, 3)
    assert (first[:, :68] == last[:, :68]).all()
    assert (first[:, 68:102] != last[:, 68:102]).any()
    log = next(tmp_path.rglob('scalars.json')).read_text()
    for values in map(json.loads, log.splitlines()):
        # 6 of 16 patches are visible.
        assert values['mask_ratio'] == pytest.approx(10 / 16)
        assert 0 < values['grad_norm'] < 100 and 0 < values['loss'] < 10

    # Training is the same without pictures.
    other, none = train(tmp_path, 'without_hook')
    assert not none
    for a, b in zip(runner.model.parameters(), other.model.parameters()):
        assert torch.equal(a, b)


def test_interval_and_last_epoch(tmp_path):
    hook = dict(type='mmconvnextv2.ReconstructionHook', interval=5)
    _, pictures = train(tmp_path, 'interval', hook)
    assert set(pictures) == {'reconstruction_2.png'}
    # As many images as there are in a batch.
    assert pictures['reconstruction_2.png'].shape == (2 * 34, 4 * 34, 3)


@pytest.mark.parametrize('changes', [dict(interval=0), dict(num_images=0)])
def test_errors(changes):
    with pytest.raises(ValueError, match='must be positive, got'):
        ReconstructionHook(**changes)
