import json

import cv2
import numpy as np
import pytest

from mmconvnextv2.inference.prediction import Prediction
from mmconvnextv2.inference.results import save_image, store, write_json

PICTURE = np.zeros((2, 3, 3), np.uint8)
PICTURE[..., 0] = 255  # red


def test_pictures_are_rgb(tmp_path):
    save_image(tmp_path / 'new' / 'x.png', PICTURE)
    found = cv2.imread(str(tmp_path / 'new' / 'x.png'))
    assert found[0, 0].tolist() == [0, 0, 255]


def test_entry_names_what_was_written(tmp_path):
    labels = np.array([[0, 7]])
    entry = store(
        Prediction(dict(score=0.5), PICTURE, labels), tmp_path, 'x')
    assert entry == dict(
        result=dict(score=0.5),
        picture='pictures/x.png',
        label_map='label_maps/x.png')
    found = cv2.imread(str(tmp_path / entry['label_map']), -1)
    assert found.tolist() == [[0, 7]]


def test_not_a_number_is_no_result(tmp_path):
    with pytest.raises(ValueError, match='not JSON compliant'):
        store(Prediction(dict(score=float('nan')), PICTURE, None), tmp_path,
              'x')
    assert not list(tmp_path.iterdir())


def test_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'results.json'
    write_json(dict(task='detection'), [dict(file='a'), dict(file='b')], path)
    assert json.loads(path.read_text()) == dict(
        task='detection', images=[dict(file='a'), dict(file='b')])
    with pytest.raises(ValueError, match='not JSON compliant'):
        write_json({}, [dict(x=float('inf'))], path)
    assert json.loads(path.read_text())['task'] == 'detection'
    assert [x.name for x in tmp_path.iterdir()] == ['results.json']
