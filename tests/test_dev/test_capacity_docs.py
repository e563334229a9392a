"""The capacity table in docs/scale.md is what is measured."""
import capacity_docs
import pytest
from capacity_docs import SECTION

_, BEGIN, END = SECTION


def test_rows_of_one_size_are_up_to_date(capsys):
    code = capacity_docs.main(['--check', '--sizes', 'atto'])
    assert (code, capsys.readouterr().err) == (0, '')


@pytest.mark.slow
@pytest.mark.timeout(1200)  # 4 minutes by itself
def test_all_rows_are_up_to_date(capsys):
    code = capacity_docs.main(['--check'])
    assert (code, capsys.readouterr().err) == (0, '')


_OLD = f'''above
{BEGIN}
**One**

| a |
| --- |
| 1 |

**Two**

| a |
| --- |
| 2 |
{END}
below
'''


@pytest.fixture
def docs(tmp_path, monkeypatch):
    path = tmp_path / 'scale.md'
    path.write_text(_OLD)
    monkeypatch.setattr(capacity_docs, 'DOCS', path)
    return path


def test_a_row_has_to_be_in_its_own_table(docs, monkeypatch, capsys):
    one = '**One**\n\n| a |\n| --- |\n| {} |'
    monkeypatch.setattr(capacity_docs, 'section', lambda _: one.format(1))
    assert capacity_docs.main(['--check']) == 0
    monkeypatch.setattr(capacity_docs, 'section', lambda _: one.format(2))
    assert capacity_docs.main(['--check']) == 1
    assert capsys.readouterr().err == (
        'scale.md lacks: | 2 |\nRun `python dev/capacity_docs.py`.\n')
    assert docs.read_text() == _OLD


def test_tables_are_written_between_the_marks(docs, monkeypatch, capsys):
    monkeypatch.setattr(capacity_docs, 'section', ' '.join)
    assert capacity_docs.main([]) == 0
    sizes = 'atto femto pico nano tiny base large huge'
    assert docs.read_text() == f'above\n{BEGIN}\n{sizes}\n{END}\nbelow\n'
    docs.write_text(BEGIN)
    assert capacity_docs.main([]) == 1
    assert 'scale.md needs one pair of the lines' in capsys.readouterr().err


def test_docs_have_all_sizes(capsys):
    with pytest.raises(SystemExit):
        capacity_docs.main(['--sizes', 'atto'])
    assert '--sizes is for --check' in capsys.readouterr().err
