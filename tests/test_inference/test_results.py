import json

import cv2
import numpy as np
import pytest

from mmconvnextv2.inference.results import Prediction, store, write_results

PICTURE = np.zeros((2, 3, 3), np.uint8)


@pytest.mark.parametrize('most', [7, 255, 256, 846])
def test_entry_names_what_was_written(tmp_path, most):
    labels = np.array([[0, most]])
    entry = store(
        Prediction(dict(score=0.5), PICTURE, labels), tmp_path, 'x')
    assert entry == dict(
        result=dict(score=0.5),
        picture='pictures/x.png',
        label_map='label_maps/x.png')
    found = cv2.imread(str(tmp_path / entry['label_map']), -1)
    assert found.tolist() == [[0, most]]


def test_not_a_number_is_no_result(tmp_path):
    with pytest.raises(ValueError, match='not JSON compliant'):
        store(Prediction(dict(score=float('nan')), PICTURE), tmp_path, 'x')
    assert not list(tmp_path.iterdir())


def test_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'results.json'
    head, entries = dict(task='detection'), [dict(file='a'), dict(file='b')]
    write_results(head, entries, path)
    assert json.loads(path.read_text()) == dict(head, images=entries)
    with pytest.raises(ValueError, match='not JSON compliant'):
        write_results({}, [dict(x=float('inf'))], path)
    assert json.loads(path.read_text())['task'] == 'detection'
    assert [x.name for x in tmp_path.iterdir()] == ['results.json']
