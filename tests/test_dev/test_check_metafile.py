"""Each kind of problem with a model zoo is named."""
import check_metafile
import metafile_schema
import pytest
from toy_zoo import FILE, HASHED, README, toy_zoo, write_zoo

_NAME = 'convnextv2_a_ft_in1k'
_AT = f'{FILE}: {_NAME}: '
_STALE = ('the tables are out of date; run: '
          'python dev/check_metafile.py --write')


@pytest.fixture
def check(tmp_path, capsys):
    """Function that writes a zoo and returns the problems found."""

    def run(zoo, *options, **files):
        write_zoo(tmp_path, zoo)
        code = check_metafile.main(['--root', str(tmp_path), *options])
        printed = capsys.readouterr()
        if code == 0:
            assert printed.out == 'no problems\n'
            return []
        head, *lines = printed.err.splitlines()
        assert head == f'check_metafile.py: {len(lines)} problem(s)'
        return [line.replace(f'{tmp_path}/', '') for line in lines]

    return run


def changed(path, value):
    """The toy zoo with what lies at a path replaced, or removed (None)."""
    zoo = toy_zoo()
    *parents, key = path
    part = zoo
    for parent in parents:
        part = part[parent]
    if value is None:
        del part[key]
    else:
        part[key] = value
    return zoo


@pytest.mark.parametrize('path, value, problem', [
    (('Config', ), None, 'Config is missing'),
    (('Results', 0, 'Source'), None, 'Results[0].Source is missing'),
    (('Licence', ), 'MIT', 'Licence is not known, only Name, In Collection, '
     'Config, Metadata, Published, Paper, Results, Weights, Converted From, '
     'Official Weights'),
    (('Metadata', 'FLOPs'), '5e8',
     "Metadata.FLOPs must be a positive whole number, got '5e8'"),
    (('Metadata', 'Parameters'), True,
     'Metadata.Parameters must be a positive whole number, got True'),
    (('Metadata', 'Image Size'), '224',
     "Metadata.Image Size must be WIDTHxHEIGHT, got '224'"),
    (('Metadata', 'Training Data'), 'LAION',
     'Metadata.Training Data must be of ImageNet-1k, ImageNet-22k, COCO, '
     "ADE20K, shapes, CUB-200-2011, SARDet-100K, SAR-AIRcraft-1.0, got "
     "'LAION'"),
    (('Metadata', 'Iterations'), 160000,
     'Metadata must have either Epochs or Iterations'),
    *((('Metadata', 'Initial Weights'), weights,
       "Metadata.Initial Weights must be none, a file in work_dirs or one of "
       "OpenMMLab's or the authors', with one of "
       f'{", ".join(metafile_schema._STARTS)} in its name, got {weights!r}')
      for weights in ('https://x.org/in1k.pth', 'laion.pth')),
    (('Published', 'FLOPs'), 0.55,
     'Published.FLOPs must be like 4.47G, got 0.55'),
    (('In Collection', ), 'Games',
     "In Collection must be of ['Toys'], got 'Games'"),
    (('Results', 0, 'Metrics'), {'Top 1 Accuracy': 77},
     'Results[0].Metrics.Top 1 Accuracy must be a number with a point, up to '
     '100, got 77'),
    (('Results', 0, 'Metrics'), {'AP': 50.1},
     'Results[0].Metrics.AP is not known, only Top 1 Accuracy, Top 5 Accuracy,'
     ' box AP, box AP50, box AP75, mask AP, mask AP50, mask AP75, mIoU, '
     'mIoU(ms), mIoU(ms+flip)'),
    (('Results', 0, 'Source'), 'a blog',
     "Results[0].Source must be a paper's table or section, the README of "
     'its code, OpenMMLab\'s run or evaluation, or "ours, ...", got \'a '
     "blog'"),
    (('Results', 0, 'Reproduced'), True,
     'Results[0].Reproduced must be no, as the source is '
     "'ConvNeXt V2, Table 14'"),
    (('Results', 0, 'Source'), 'ours, seed 0',
     "Results[0].Reproduced must be yes, as the source is 'ours, seed 0'"),
    (('Results', 0), 'good', "Results[0] must be a mapping, got 'good'"),
    (('Results', ), 'good', "Results must be a list, got 'good'"),
    *((('Weights', ), url, "Weights must be a file of OpenMMLab's with its "
       f"hash in the name, got '{url}'")
      for url in (HASHED.replace('https', 'http') + '.pth',
                  'https://download.openmmlab.com/a.pth')),
    (('Weights', ), None, 'Converted From needs Weights'),
    (('Converted From', 'Weights'), 'https://x.org/a.pt',
     "Converted From.Weights must be a file of the authors', got "
     "'https://x.org/a.pt'"),
    (('Config', ), 'configs/b.py',
     f"Config must be configs/{_NAME}.py, got 'configs/b.py'"),
])
def test_what_is_wrong_with_a_model(check, path, value, problem):
    assert check(changed(('Models', 0, *path), value)) == [_AT + problem]


@pytest.mark.parametrize('path, value, problem', [
    (('Paper', 'URL'), 'https://x.org/1',
     "Paper.URL must be a URL of arXiv, got 'https://x.org/1'"),
    (('Code', 'Version'), '1', "Code.Version must be like v0.1.0, got '1'"),
    (('Code', 'URL'), 'gone.py', 'there is no gone.py'),
    (('README', ), 'README.md', 'there is no configs/metafiles/README.md'),
])
def test_what_is_wrong_with_a_collection(check, path, value, problem):
    zoo = changed(('Collections', 0, *path), value)
    assert check(zoo) == [f'{FILE}: collection Toys: {problem}']


def test_collections_are_one_to_a_file(check):
    zoo = toy_zoo()
    zoo['Collections'] *= 2
    assert check(zoo) == [f'{FILE}: there must be one collection, got 2']


def test_models_and_configs_correspond(check, tmp_path):
    write_zoo(tmp_path, toy_zoo())
    (tmp_path / 'configs' / 'new.py').touch()
    (tmp_path / 'configs' / 'ablations').mkdir()
    (tmp_path / 'configs' / 'ablations' / 'less.py').touch()
    (tmp_path / 'configs' / '_base_').mkdir()
    (tmp_path / 'configs' / '_base_' / 'new.py').touch()
    (tmp_path / 'configs' / 'loose.yml').touch()
    zoo = toy_zoo()
    zoo['Models'] += toy_zoo()['Models'] + toy_zoo()['Models']
    zoo['Models'][1].update(Name='gone', Config='configs/gone.py')
    assert check(zoo) == [
        f'{FILE}: gone: there is no configs/gone.py',
        f'{_NAME} is in the metafiles 2 times',
        'configs/new.py is in no metafile',
        'configs/ablations/less.py is in no metafile',
        'configs/loose.yml is not imported by model-index.yml',
        'configs/ has 2 files with the name new.py',
    ]


def test_tables_are_written_and_kept_up_to_date(check, tmp_path):
    stale = [f'README.md: {_STALE}', f'docs/model_zoo.md: {_STALE}']
    assert check(toy_zoo()) == stale
    assert (tmp_path / 'README.md').read_text() == README
    assert check(toy_zoo(), '--write') == []
    text = (tmp_path / 'README.md').read_text()
    assert text.startswith('text\n<!-- model zoo -->\n\n| size | parameters |')
    assert '\n| A | 3.7M | - | [76.7](configs/convnextv2_a_ft_in1k.py) | ' \
        in text
    assert text.endswith(' |\n\n<!-- end of model zoo -->\nrest\n')


@pytest.mark.parametrize('file, text, problem', [
    ('model-index.yml', None, 'model-index.yml'),
    ('model-index.yml', 'Import: 3',
     'model-index.yml: Import must be a list of files'),
    ('model-index.yml', 'Import: [gone.yml]', 'gone.yml'),
    (FILE, 'a: [', f"{FILE} must be YAML with the keys ('Collections', "),
    (FILE, 'Collections: [a]\nModels: [b]',
     f'{FILE}: Collections and Models must be a list of mappings'),
    ('README.md', '<!-- model zoo -->\n', 'README.md needs one pair of the '
     'lines <!-- model zoo --> and <!-- end of model zoo -->'),
    ('docs/model_zoo.md', None, 'docs/model_zoo.md'),
])
def test_files_of_another_form(tmp_path, capsys, file, text, problem):
    write_zoo(tmp_path, toy_zoo())
    (tmp_path / file).unlink()
    if text is not None:
        (tmp_path / file).write_text(text)
    assert check_metafile.main(['--root', str(tmp_path)]) == 1
    head, first, *_ = capsys.readouterr().err.splitlines()
    assert head == 'check_metafile.py: 1 problem(s)'
    assert problem in first.replace(f'{tmp_path}/', '')
