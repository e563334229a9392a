"""What is told of files that are missing or have another form."""
import pytest
from toy_zoo import FILE, toy_zoo, write_zoo

from mmconvnextv2.zoo.model_zoo import load_zoo

_REFUSED = 2


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('check_metafile')


@pytest.mark.parametrize('file, text, problem', [
    ('model-index.yml', None, 'there is no model-index.yml in '),
    ('model-index.yml', 'Import: 3',
     'model-index.yml must list the metafiles under Import, got 3'),
    ('model-index.yml', 'Import: [gone.yml]', 'there is no gone.yml in '),
    (FILE, '- a', f'{FILE} must be a mapping, got list'),
    (FILE, 'a: [', f'{FILE} is not YAML: '),
    (FILE, 'Collections: []', f'{FILE}: Models must be a list of mappings'),
])
def test_files_of_another_form(tool, tmp_path, capsys, file, text, problem):
    write_zoo(tmp_path, toy_zoo())
    (tmp_path / file).unlink()
    if text is not None:
        (tmp_path / file).write_text(text)
    assert tool.main(['--root', str(tmp_path)]) == _REFUSED
    assert capsys.readouterr().err.startswith(f'check_metafile.py: {problem}')


def test_a_table_needs_its_markers(tool, tmp_path, capsys):
    write_zoo(tmp_path, toy_zoo())
    (tmp_path / 'README.md').write_text('<!-- model zoo -->\n')
    (tmp_path / 'docs/model_zoo.md').unlink()
    (tmp_path / 'docs/model_zoo.md').mkdir()
    zoo = load_zoo(tmp_path)
    assert list(tool.table_problems(zoo, tmp_path, write=True)) == [
        'README.md: it must have the lines <!-- model zoo --> and <!-- end of '
        'model zoo --> once each, in this order', 'there is no '
        'docs/model_zoo.md'
    ]
