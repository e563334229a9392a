import numpy as np
import pytest
import torch
from fcmae_toy import MODEL
from mmengine.registry import MODELS, DefaultScope

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2.visualization.reconstruction import (
    draw_reconstructions,
    to_rgb,
)


@pytest.fixture
def model():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(MODEL)


@pytest.mark.parametrize('num_channels, expected', [
    (1, [7, 7, 7]), (2, [7, 7, 7]), (4, [9, 8, 7])])
def test_to_rgb_of_other_channels(num_channels, expected):
    images = torch.arange(7., 7 + num_channels).view(1, -1, 1, 1)
    rgb = to_rgb(images, torch.nn.Identity())
    assert rgb.flatten().tolist() == expected


def test_columns(model):
    raw = torch.randint(0, 256, (2, 3, 16, 24)).float()
    data = dict(inputs=raw, data_samples=None)
    inputs = model.data_preprocessor(data)['inputs']
    is_masked = torch.ones(2, 2, 3, dtype=torch.bool)
    is_masked[0, 0, 0] = is_masked[1, 1, 2] = False
    # A model that predicts the target exactly.
    model.reconstruct = lambda x, m: (model.head.target(x), m)
    picture = draw_reconstructions(model, inputs, is_masked)
    assert picture.shape == (2 * 18, 4 * 26, 3) and picture.dtype == np.uint8
    rows = picture.reshape(2, 18, 4, 26, 3)
    assert (rows[:, 16:] == 255).all() and (rows[:, :, :, 24:] == 255).all()
    original, masked, predicted, pasted = rows[:, :16, :, :24].transpose(
        2, 0, 1, 3, 4)
    expected = raw.flip(1).permute(0, 2, 3, 1).numpy()
    for column in (original, predicted, pasted):
        assert np.abs(column - expected).max() <= 1
    assert (masked[0, :8, :8] == original[0, :8, :8]).all()
    assert (masked[1, 8:, 16:] == original[1, 8:, 16:]).all()
    # The mean of the data elsewhere.
    assert (masked[0, 8:] == [120, 110, 100]).all()


@pytest.mark.parametrize('training', [True, False])
def test_visible_patches_are_pasted_back(model, training):
    model.train(training)
    is_masked = torch.tensor([[[True, False], [False, True]]])
    model.reconstruct = lambda x, m: (torch.zeros(1, 4, 192), m)
    picture = draw_reconstructions(model, torch.randn(1, 3, 16, 16), is_masked)
    original, _, predicted, pasted = np.split(picture[:16], 4, axis=1)
    assert (pasted[:8, 8:16] == original[:8, 8:16]).all()
    assert (pasted[:8, :8] == predicted[:8, :8]).all()
    # Predicting zeros gives every patch its mean.
    assert (predicted[:8, :8] == predicted[0, 0]).all()
    assert (predicted[:8, 8:16] != original[:8, 8:16]).any()
    assert all(m.training is training for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
