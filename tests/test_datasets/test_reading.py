"""A large file is read once, and never after it has changed."""
import gc
import json

import pytest

from mmconvnextv2.datasets import reading


@pytest.fixture(autouse=True)
def _nothing_kept():
    """Whatever ran before in this process may have kept a file."""
    reading.forget()
    yield
    reading.forget()


def test_kept_for_one_reader(tmp_path, monkeypatch):
    file, other = tmp_path / 'a.json', tmp_path / 'b.json'
    for path in (file, other):
        path.write_text(f'"{path.name} ä"', encoding='utf-8')
    content = reading.read_json(file)
    reading.keep(file, content)
    reading.keep(other, 'one is enough')
    assert reading.read_json(other) == 'b.json ä'
    link = tmp_path / 'link.json'
    link.symlink_to(file)
    assert reading.read_json(link) is content
    assert reading.read_json(file) == content is not reading.read_json(file)
    reading.keep(file, content)
    file.write_text('"changed"')
    assert reading.read_json(file) == 'changed'
    reading.forget()
    assert not reading._kept


def test_collector_is_as_it_was():
    with pytest.raises(KeyError), reading.collector_off():
        with reading.collector_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_data_set_takes_what_the_check_has_read(tmp_path, monkeypatch):
    from mmdet.registry import DATASETS

    from mmconvnextv2.config.data_checks import check_data, coco
    image = dict(id=1, file_name='1.jpg', width=40, height=40)
    (tmp_path / '1.jpg').touch()
    (tmp_path / 'a.json').write_text(json.dumps(dict(
        images=[image], categories=[dict(id=5, name='cat')],
        annotations=[dict(id=1, image_id=1, category_id=5, iscrowd=0,
                          bbox=[1, 1, 9, 9], area=81)])))
    cfg = dict(type='mmconvnextv2.CocoByNameDataset', ann_file='a.json',
               data_root=str(tmp_path), data_prefix=dict(img=''),
               metainfo=dict(classes=('cat', )), pipeline=[])
    monkeypatch.setattr(coco, '_LARGE', 10)
    assert check_data(dict(train_dataloader=dict(dataset=cfg)),
                      ['train']) == ([], [])
    monkeypatch.setattr(json, 'loads', None)
    assert len(DATASETS.build(cfg)[0]['instances']) == 1
    with pytest.raises(TypeError):
        DATASETS.build(cfg)
