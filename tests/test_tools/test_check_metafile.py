"""Each kind of problem with a model zoo is told."""
import pytest
from toy_zoo import FILE, HASHED, README, toy_zoo, write_zoo

_REFUSED = 2
_NAME = 'convnextv2_a_ft_in1k'
_AT = f'{FILE}: {_NAME}: '
_COLLECTION = f'{FILE}: collection Toys: '
_STALE = ('the tables are out of date; run: '
          'python tools/check_metafile.py --write')


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('check_metafile')


@pytest.fixture
def check(tool, tmp_path, capsys):
    """Function that writes a zoo and returns the problems found."""

    def run(zoo, *options):
        write_zoo(tmp_path, zoo)
        code = tool.main(['--root', str(tmp_path), *options])
        told = capsys.readouterr()
        if code == 0:
            assert told.out == '1 models in 1 metafiles: no problems\n'
            return []
        assert code == _REFUSED
        head, *lines = told.err.splitlines()
        assert head == f'check_metafile.py: {len(lines)} problem(s)'
        return lines

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


def model(*path):
    return ('Models', 0, *path)


def test_a_correct_zoo_has_no_problems(check):
    assert check(toy_zoo(), '--write') == []


@pytest.mark.parametrize('path, value, problem', [
    (model('Config'), None, 'Config is missing'),
    (model('Metadata', 'FLOPs'), None, 'Metadata.FLOPs is missing'),
    (model('Results', 0, 'Source'), None, 'Results[0]: Source is missing'),
    (model('Licence'), 'MIT', 'Licence is not known, only Name, In Collection,'
     ' Config, Metadata, Paper, Results, Weights, Converted From, Official '
     'Weights'),
    (model('Metadata', 'FLOPs'), '5e8',
     "Metadata.FLOPs must be of type int, got '5e8'"),
    (model('Metadata', 'Parameters'), True,
     'Metadata.Parameters must be of type int, got True'),
    (model('Metadata', 'Batch Size'), 0,
     'Metadata.Batch Size must be positive, got 0'),
    (model('Metadata', 'Image Size'), '224',
     "Metadata.Image Size must be WIDTHxHEIGHT, got '224'"),
    (model('Metadata', 'Training Data'), 'LAION',
     'Metadata.Training Data must be of ImageNet-1k, ImageNet-22k, COCO, '
     "ADE20K, shapes, got 'LAION'"),
    (model('Metadata', 'Iterations'), 160000,
     'Metadata must have either Epochs or Iterations'),
    (model('Metadata', 'Initial Weights'), 'https://x.org/in1k.pth',
     'Metadata.Initial Weights must be a https:// URL of '
     "download.openmmlab.com, got 'https://x.org/in1k.pth'"),
    (model('Metadata', 'Initial Weights'), 'laion.pth',
     'Metadata.Initial Weights must be none or a file with one of '
     '3rdparty-fcmae, fcmae-in21k-pre, fcmae-pre, _ft_in22k/, '
     "3rdparty_in21k, in1k in its name, got 'laion.pth'"),
    (model('In Collection'), 'Games',
     "In Collection must be of ['Toys'], got 'Games'"),
    (model('Results', 0, 'Metrics'), {
        'Top 1 Accuracy': 77
    }, 'Results[0]: Top 1 Accuracy must be a number with a point, up to 100, '
     'got 77'),
    (model('Results', 0, 'Metrics'), {
        'AP': 50.1
    }, 'Results[0]: metrics must be of Top 1 Accuracy, Top 5 Accuracy, box AP,'
     ' box AP50, box AP75, mask AP, mask AP50, mask AP75, mIoU, mIoU(ms), '
     "mIoU(ms+flip), got 'AP'"),
    (model('Results', 0, 'Source'), 'a blog',
     "Results[0]: Source must be a paper's table or section, the README of "
     'its code, OpenMMLab\'s run or evaluation, or "ours, ...", got \'a '
     "blog'"),
    (model('Results', 0, 'Reproduced'), True,
     'Results[0]: Reproduced must be no, as the source is '
     "'ConvNeXt V2, Table 14'"),
    (model('Results', 0, 'Source'), 'ours, seed 0',
     "Results[0]: Reproduced must be yes, as the source is 'ours, seed 0'"),
    (model('Results', 0), 'good', "Results[0] must be a mapping, got 'good'"),
    (model('Weights'), HASHED.replace('https', 'http') + '.pth',
     'Weights must be a https:// URL of download.openmmlab.com, got '
     f"'{HASHED.replace('https', 'http')}.pth'"),
    (model('Weights'), 'https://download.openmmlab.com/a.pth',
     'Weights must be a file with its hash in the name, like '
     "NAME-0123abcd.pth, got 'https://download.openmmlab.com/a.pth'"),
    (model('Weights'), None, 'Converted From needs Weights'),
    (model('Converted From', 'Weights'), 'https://x.org/a.pt',
     'Converted From.Weights must be a https:// URL of '
     "dl.fbaipublicfiles.com, got 'https://x.org/a.pt'"),
    (model('Config'), 'configs/b.py',
     f"Config must be configs/{_NAME}.py, got 'configs/b.py'"),
])
def test_what_is_wrong_with_a_model(check, path, value, problem):
    told = check(changed(path, value))
    # Without a name of its own, a config is a second problem.
    assert told[0] == _AT + problem
    assert len(told) == 1 or problem == 'Config is missing'


@pytest.mark.parametrize('path, value, problem', [
    (('Paper', 'URL'), 'https://x.org/1',
     'Paper.URL must be a https:// URL of arxiv.org, got '
     "'https://x.org/1'"),
    (('Code', 'Version'), '1', "Code.Version must be like v0.1.0, got '1'"),
    (('Code', 'URL'), 'gone.py',
     "Code.URL must be a file of ours, got 'gone.py'"),
    (('README', ), 'README.md',
     "README must be a file of ours, got 'README.md'"),
])
def test_what_is_wrong_with_a_collection(check, path, value, problem):
    zoo = changed(('Collections', 0, *path), value)
    assert check(zoo) == [_COLLECTION + problem]


def test_collections_are_one_to_a_file(check):
    zoo = toy_zoo()
    zoo['Collections'] *= 2
    assert check(zoo) == [f'{FILE}: there must be one collection, got 2']


def test_models_and_configs_correspond(check, tmp_path):
    write_zoo(tmp_path, toy_zoo())
    (tmp_path / 'configs' / 'new.py').touch()
    (tmp_path / 'configs' / '_base_').mkdir()
    (tmp_path / 'configs' / '_base_' / 'new.py').touch()
    (tmp_path / 'configs' / 'loose.yml').touch()
    zoo = toy_zoo()
    zoo['Models'] += toy_zoo()['Models']
    zoo['Models'][1]['Name'] = 'gone'
    zoo['Models'][1]['Config'] = 'configs/gone.py'
    assert check(zoo) == [
        f'{FILE}: gone: there is no configs/gone.py',
        'configs/new.py is in no metafile',
        'configs/loose.yml is not imported by model-index.yml',
        'configs/ has 2 files with the name new.py',
    ]


def test_names_are_used_once(check):
    zoo = toy_zoo()
    zoo['Models'] *= 2
    assert check(zoo) == [_AT + 'the name is used 2 times'] * 2


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
