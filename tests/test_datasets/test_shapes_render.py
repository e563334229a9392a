"""Drawing of shapes images: what is drawn lies where the masks say."""
import numpy as np
import pytest

from mmconvnextv2.datasets import shapes_render
from mmconvnextv2.datasets.shapes_layouts import annotate
from mmconvnextv2.datasets.shapes_render import (
    _draw_pattern,
    _edge,
    draw_image,
)
from mmconvnextv2.datasets.shapes_scene import place_objects, place_outline


def _mask(objects, size):
    return np.any([annotate(obj, size)[1] for obj in objects], axis=0)


@pytest.mark.parametrize('size', [(128, 192), (160, 131)])
def test_pixels_change_inside_the_masks_only(size, monkeypatch):
    # No noise over the finished image.
    monkeypatch.setattr(shapes_render, '_NOISE', 0.)
    inside, outside = [], []
    for seed in range(20):
        objects = place_objects(
            np.random.default_rng(seed), size, (0, 1, 2, 3, 4))
        images = [
            draw_image(np.random.default_rng(seed), size, objs,
                       'train').astype(int) for objs in ((), objects)
        ]
        changed = np.abs(images[1] - images[0]).max(2)
        mask = _mask(objects, size)
        inside.append(np.mean(changed[mask] > 20))
        outside.append(np.mean(changed[~mask] > 20))
    assert np.mean(inside) > 0.93
    # Pixels of which an object covers less than half.
    assert np.mean(outside) < 0.02


def test_the_edge_follows_the_outline():
    rng = np.random.default_rng(0)
    size = (90, 120)
    for label in range(5):
        outline = place_outline(rng, label, size, (0.4, 0.6))
        edge = _edge(rng, outline, size)
        far = np.ones(size, bool)
        for x, y in np.floor(outline).astype(int):
            assert edge[y, x] > 0.2
        # Points on the outline, half a pixel apart at most.
        ends = np.roll(outline, -1, axis=0)
        for t in np.linspace(0, 1, 200):
            for x, y in np.floor(outline * (1 - t) + ends * t).astype(int):
                far[max(0, y - 3):y + 4, max(0, x - 3):x + 4] = False
        assert edge.max() <= 1 and edge[far].max() == 0


@pytest.mark.parametrize('kind', shapes_render._TEXTURES)
@pytest.mark.parametrize('size', [(40, 30), (13, 14)])
def test_patterns_use_their_range(kind, size):
    pattern = _draw_pattern(np.random.default_rng(0), kind, size, 'val')
    assert pattern.shape == (*size, 1)
    assert 0 <= pattern.min() < 0.2 and 0.8 < pattern.max() <= 1
