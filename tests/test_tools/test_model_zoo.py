"""What the model zoo says is so: counts, published figures, files."""
import re

import pytest

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.zoo.model_zoo import entries, load_zoo
from mmconvnextv2.zoo.model_zoo_counts import Counter
from mmconvnextv2.zoo.model_zoo_fields import start_of
from mmconvnextv2.zoo.model_zoo_tables import result_rows

_ROOT = configs_folder().parent
_NAME = 'convnextv2_a_ft_in1k'
ZOO = load_zoo(_ROOT)
ENTRIES = {entry.name: entry for entry in entries(ZOO)}
_ARCHS = dict(
    a='atto', f='femto', p='pico', n='nano', t='tiny', b='base', l='large',
    h='huge')
# Typed from the papers: by config, '{}' for the size.
_PUBLISHED = {
    'convnextv2_{}_ft_in1k': dict(
        a=76.7, f=78.5, p=80.3, n=81.9, t=83.0, b=84.9, l=85.8, h=86.3),
    'convnextv2_{}_supervised_in1k': dict(
        a=76.2, f=78.0, p=79.7, n=81.2, t=82.5, b=84.3, l=84.5),
    'convnextv1_{}_supervised_in1k': dict(b=83.8, l=84.3),
    'convnextv2_{}_ft_in22k_in1k': dict(n=82.1, t=83.9, b=86.8, l=87.3),
    'convnextv2_{}_ft_in22k_in1k_384': dict(
        n=83.4, t=85.1, b=87.7, l=88.2, h=88.7),
    'convnextv2_{}_ft_in22k_in1k_512': dict(h=88.9),
    'maskrcnn_convnextv1_{}_coco': dict(
        t=(46.2, 41.7),
        b=(50.3, 71.6, 56.1, 44.9, 68.5, 48.8),
        l=(50.6, 71.5, 56.3, 45.1, 68.7, 49.2)),
    'maskrcnn_convnextv2_{}_coco': dict(
        b=(52.9, 72.6, 58.9, 46.6, 70.0, 51.1),
        l=(54.4, 73.9, 60.4, 47.7, 71.4, 52.3),
        h=(55.7, 75.2, 61.8, 48.9, 72.8, 53.6)),
    'cascade_maskrcnn_convnextv1_{}_coco': dict(
        t=(50.4, 43.7), s=(51.9, 45.0), b=(52.7, 45.6), l=(54.8, 47.6),
        xl=(55.2, 47.7), b_22k=(54.0, 46.9)),
    'upernet_convnextv1_{}_ade20k': dict(b=49.9, l=50.5),
    'upernet_convnextv2_{}_ade20k': dict(b=52.1, l=53.7, h=55.0, h_640=57.0),
}
FIGURES = {
    pattern.format(size): figures if isinstance(figures, tuple) else
    (figures, )
    for pattern, sizes in _PUBLISHED.items()
    for size, figures in sizes.items()
}


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('check_metafile')


@pytest.fixture(scope='module')
def counter():
    return Counter(_ROOT)


def test_the_zoo_has_no_problems(tool, capsys):
    assert tool.main([]) == 0
    count = len(list((_ROOT / 'configs').glob('*.py')))
    assert capsys.readouterr().out == (
        f'{count} models in 5 metafiles: no problems\n')


@pytest.mark.parametrize('name', ENTRIES)
def test_figures_are_as_the_config_comes_to(counter, name):
    assert list(counter.problems(ENTRIES[name])) == []


def test_papers_figures():
    found = {}
    for entry in ENTRIES.values():
        for source, own, metrics in result_rows(entry):
            assert own == source.startswith('ours')
            if source.startswith('ConvNeXt'):
                found.setdefault(entry.name, tuple(metrics.values()))
    assert found == FIGURES


def test_no_result_of_ours_but_on_the_shapes():
    ours = {
        entry.name
        for entry in ENTRIES.values()
        for _, own, _ in result_rows(entry) if own
    }
    assert ours and all(name.endswith('_shapes') for name in ours)


@pytest.mark.parametrize(
    'name', [x for x in ENTRIES if 'Weights' in ENTRIES[x].data])
def test_weights_are_of_the_model_and_size(name):
    data = ENTRIES[name].data
    version, size = re.search(r'convnextv(\d)_([a-z]+)_', name).groups()
    arch = dict(_ARCHS, s='small')[size]
    file = data['Weights'].rpartition('/')[2]
    assert re.search(rf'convnext-(v2-)?({arch}|{size})[-_]|_{arch}_', file)
    assert ('-v2-' in file) == (version == '2')
    if version == '1' or 'Converted From' not in data:
        return
    side = data['Metadata']['Image Size'].split('x')[0]
    kind = ('1k_224_fcmae' if name.startswith('fcmae') else
            f'22k_{side}_ema' if 'in22k' in name else f'1k_{side}_ema')
    assert data['Converted From']['Weights'].endswith(
        f'/convnextv2_{arch}_{kind}.pt')
    assert (f'-{side}px' in file) == (side != '224')


@pytest.mark.parametrize('name, start', [
    (_NAME, 'FCMAE'),
    ('convnextv2_h_ft_in22k_in1k_512', 'FCMAE, IN-22K'),
    ('upernet_convnextv2_t_ade20k', 'FCMAE, IN-1K'),
    ('upernet_convnextv2_h_640_ade20k', 'FCMAE, IN-22K, IN-1K'),
    ('cascade_maskrcnn_convnextv1_xl_coco', 'IN-22K'),
    ('maskrcnn_convnextv1_t_coco', 'IN-1K'),
    ('maskrcnn_convnextv2_a_shapes', 'random'),
])
def test_start(name, start):
    metadata = ENTRIES[name].data['Metadata']
    assert start_of(metadata['Initial Weights']) == start


@pytest.mark.parametrize('folder', ['.', 'mmconvnextv2/.mim'])
def test_mim_reads_the_zoo(folder):
    modelindex = pytest.importorskip('modelindex.load_model_index')
    index = modelindex.load(str(_ROOT / folder / 'model-index.yml'))
    assert index.check(silent=True) == []
    assert [model.name for model in index.models] == list(ENTRIES)
    search = pytest.importorskip('mim.commands.search')
    found = search.convert2df(index).loc['maskrcnn_convnextv2_b_coco']
    # The figure is that of the weights, so OpenMMLab's.
    assert (found['coco/box_ap'], found['coco/mask_ap']) == (52.9, 46.4)
    assert found['weight'].endswith('_20230113_110947-757ee2dd.pth')
    assert found['model'] == 'mask r-cnn'


@pytest.mark.parametrize('key, value, problem', [
    ('Parameters', 3800000, 'Parameters is 3708400 as counted, got 3800000'),
    ('FLOPs', 540000000, 'FLOPs is 547332480 as counted, got 540000000'),
    ('Image Size', '256x224', 'FLOPs is 625477120 as counted'),
    ('Epochs', 300, 'Epochs is 600 in the config, got 300'),
    ('Batch Size', 4096, 'Batch Size is 1024 in the config, got 4096'),
    ('Initial Weights', 'none', 'Initial Weights is https://download.'),
])
def test_figures_that_are_not_so(tool, key, value, problem):
    entry = next(x for x in entries(load_zoo(_ROOT)) if x.name == _NAME)
    entry.data['Metadata'][key] = value
    told = list(tool.counted_problems([entry], _ROOT))
    assert len(told) == 1
    assert told[0].startswith(f'configs/metafiles/imagenet.yml: {_NAME}: '
                              f'{problem}')


def test_a_percent_is_allowed(tool):
    entry = next(x for x in entries(load_zoo(_ROOT)) if x.name == _NAME)
    entry.data['Metadata']['Parameters'] = 3708400 * 1.009
    assert list(tool.counted_problems([entry], _ROOT)) == []
