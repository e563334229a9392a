"""Every row of the paper has an answer that works."""
import re

import paper_table
import pytest
import torch
from mmengine.config import DictAction
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.config.check import read_config
from mmconvnextv2.config.find import shipped_configs

ROWS = paper_table.rows()


def test_page_is_up_to_date(monkeypatch, capsys):
    assert paper_table.main(['--check']) == 0
    monkeypatch.setattr(paper_table, 'table', lambda: 'other')
    assert paper_table.main(['--check']) == 1
    assert capsys.readouterr().err == (
        'docs/paper.md is out of date: run `python dev/paper_table.py`.\n')


def test_tables_and_figures_are_all_there():
    numbers = {x.where.split()[1].rstrip('abcdef') for x in ROWS
               if x.where.startswith('Table')}
    assert numbers == set('1234567') | {'14', '15', '16'}
    figures = {x.where for x in ROWS if x.where.startswith('Figure')}
    assert figures == {f'Figure {n}' for n in '345678'}
    # No name of a leaf is misspelt.
    assert [x for x in ROWS if not x.leaf
            and re.fullmatch(r'[a-z0-9_]+( model\..*)?', x.answer)] == []
    # What runs a row of the paper is in the table, but for fine-tuning.
    listed = {x.leaf for x in ROWS}
    assert [name for name, path in shipped_configs().items()
            if path.parent.name in ('ablations', 'baselines')
            and path.stem not in listed
            and not name.endswith(('_shapes.py', '_ft_in1k.py'))] == []


@pytest.mark.parametrize(
    'row', [x for x in ROWS if x.options], ids=lambda x: x.what)
def test_options_give_another_model(row):
    path = shipped_configs()[f'{row.leaf}.py']
    options = {key: DictAction._parse_iterable(value) for key, value in
               (x.split('=') for x in row.options)}
    cfg = read_config(path, options)
    plain = read_config(path)
    assert cfg.model != plain.model
    with DefaultScope.overwrite_default_scope('mmpretrain'), \
            torch.device('meta'):
        MODELS.build(cfg.model.backbone)
    assert 0 < cfg.model.get('mask_ratio', 0.6) < 1
