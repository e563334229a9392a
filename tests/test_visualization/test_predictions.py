import numpy as np
import pytest

from mmconvnextv2.visualization.predictions import (
    add_legend,
    add_title,
    class_colours,
    draw_instances,
    draw_label_map,
)

RED, BLUE, GREY = (200, 0, 0), (0, 0, 200), 100
COLOURS = np.array([RED, BLUE], np.uint8)
IMAGE = np.full((60, 60, 3), GREY, np.uint8)


@pytest.mark.parametrize('palette', [None, 'random', [RED]])
def test_colours_of_classes_without_any(palette):
    colours = class_colours(80, palette).astype(int)
    assert colours.shape == (80, 3)
    apart = np.abs(colours[:, None] - colours[None]).sum(-1)
    assert apart[~np.eye(80, dtype=bool)].min() >= 6
    assert np.abs(np.diff(colours, axis=0)).sum(-1).min() > 300


def test_colours_that_are_given():
    assert class_colours(2, [RED, BLUE]).tolist() == [[*RED], [*BLUE]]
    assert class_colours(0).shape == (0, 3)


def test_label_map_is_half_colour_half_image():
    labels = np.array([[0, 1], [255, -1]])
    assert draw_label_map(IMAGE[:2, :2], labels, COLOURS).tolist() == [
        [[150, 50, 50], [50, 50, 150]], [[GREY] * 3] * 2]


def test_the_best_instance_is_drawn_last():
    masks = np.zeros((2, 60, 60), bool)
    masks[:, 30:50, 10:50] = True
    drawn = draw_instances(
        IMAGE, [0, 1], [(10, 30, 49, 49), (20, 30, 30, 40)], COLOURS, 'ab',
        masks, [0.9, 0.8])
    assert (IMAGE == GREY).all()
    # Blue, half of it, then red, half of it.
    assert drawn[45, 40].tolist() == [125, 25, 75]
    assert (drawn[30, 12:48] == RED).all() and (drawn[50:, :] == GREY).all()
    assert drawn[30:40, 20].tolist() == [[*RED]] * 2 + [[*BLUE]] * 8
    # A label with the class above the box.
    assert (drawn[16:28, 12:16] == RED).all(-1).any()


def test_box_at_the_border_and_no_instance():
    drawn = draw_instances(IMAGE, [0], [(-5, -5, 70, 3)], COLOURS, 'ab')
    assert (drawn[3] == RED).all() and (drawn[30:] == GREY).all()
    assert (draw_instances(IMAGE, [], [], COLOURS, 'ab') == GREY).all()


def test_title_and_legend():
    titled = add_title(IMAGE, 'truth')
    assert titled.shape == (78, 60, 3) and (titled[18:] == GREY).all()
    assert (titled[:18] < 100).any()
    drawn = add_legend(IMAGE, [1, 1, 255], COLOURS, ('cat', 'dog'))
    assert drawn.shape == (78, 60, 3) and (drawn[:60] == GREY).all()
    strip = drawn[60:]
    assert (strip == BLUE).all(-1).sum() == 11 * 11
    assert not (strip == RED).all(-1).any()
    # What does not fit goes to the next line.
    assert add_legend(IMAGE, [0, 1], COLOURS, ('cat', 'dog')).shape[0] == 96
    assert add_legend(IMAGE, [255], COLOURS, ('cat', 'dog')) is IMAGE
