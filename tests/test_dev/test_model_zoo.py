"""What the model zoo says is so: counts, published figures, files."""
import re

import check_metafile
import pytest
from metafile_schema import start_of
from model_zoo import load_zoo, result_rows

from mmconvnextv2.config.find import configs_folder, shipped_configs

_ROOT = configs_folder().parent
_NAME = 'convnextv2_a_ft_in1k'
ZOO = load_zoo(_ROOT)
MODELS = {model['Name']: model for family in ZOO for model in family.models}
_ARCHS = dict(
    a='atto', f='femto', p='pico', n='nano', t='tiny', b='base', l='large',
    h='huge')


def test_the_zoo_has_no_problems(capsys):
    assert check_metafile.main([]) == 0
    assert capsys.readouterr().out == 'no problems\n'
    assert {f'{name}.py' for name in MODELS} == set(shipped_configs())


@pytest.mark.parametrize('name', [pytest.param(
    name, marks=[pytest.mark.slow] * (model['Config'].count('/') > 1))
    for name, model in MODELS.items()])
def test_figures_are_as_the_config_comes_to(name):
    assert list(check_metafile.count_problems(MODELS[name], _ROOT)) == []


def test_figures_in_comments_are_those_of_the_metafiles():
    seen = 0
    for name, model in MODELS.items():
        comment = ' '.join(re.findall(
            '^#(.*)', (_ROOT / model['Config']).read_text(), re.MULTILINE))
        figures = {float(x) for x in re.findall(r'\b\d\d\.\d\d?\b', comment)}
        known = {value for result in model.get('Results', ())
                 for value in result['Metrics'].values()}
        # Comments on the shapes give the spread of several runs.
        if known and not name.endswith('_shapes'):
            assert figures <= known, name
            seen += len(figures)
    assert seen > 50


def test_no_result_of_ours_but_on_the_shapes():
    ours = {name for name, model in MODELS.items()
            for _, own in result_rows(model) if own}
    assert ours and all(name.endswith('_shapes') for name in ours)


@pytest.mark.parametrize(
    'name', [x for x in MODELS if 'Weights' in MODELS[x]])
def test_weights_are_of_the_model_and_size(name):
    data = MODELS[name]
    version, size = re.search(r'convnextv(\d)_([a-z]+)_', name).groups()
    arch = dict(_ARCHS, s='small', xl='xlarge')[size]
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
    ('convnextv1_t_ft_in22k_in1k', 'IN-22K'),
    ('vit_b_mae_ft_in1k', 'MAE'),
    ('vit_b_beit_ft_in1k', 'BEiT'),
    ('maskrcnn_swin_l_simmim_coco', 'SimMIM'),
    ('upernet_swin_l_simmim_ade20k', 'SimMIM, IN-1K'),
])
def test_start(name, start):
    metadata = MODELS[name]['Metadata']
    assert start_of(metadata['Initial Weights']) == start


@pytest.mark.parametrize('folder', ['.', 'mmconvnextv2/.mim'])
def test_mim_reads_the_zoo(folder):
    modelindex = pytest.importorskip('modelindex.load_model_index')
    index = modelindex.load(str(_ROOT / folder / 'model-index.yml'))
    assert index.check(silent=True) == []
    assert [model.name for model in index.models] == list(MODELS)
    search = pytest.importorskip('mim.commands.search')
    found = search.convert2df(index).loc['maskrcnn_convnextv2_b_coco']
    # The figure is that of the weights, so OpenMMLab's.
    assert (found['coco/box_ap'], found['coco/mask_ap']) == (52.9, 46.4)
    assert found['weight'].endswith('_20230113_110947-757ee2dd.pth')
    assert found['model'] == 'mask r-cnn'


@pytest.mark.parametrize('key, value, problem', [
    ('Parameters', 3800000, 'Parameters is 3708400, got 3800000'),
    ('FLOPs', 540000000, 'FLOPs is 547332480, got 540000000'),
    ('Image Size', '256x224', 'FLOPs is 625477120, got 547332480'),
    ('Epochs', 300, 'Epochs is 600, got 300'),
    ('Batch Size', 4096, 'Batch Size is 1024, got 4096'),
    ('Initial Weights', 'none', 'Initial Weights is https://download.'),
])
def test_figures_that_are_not_so(key, value, problem):
    model = dict(MODELS[_NAME])
    model['Metadata'] = dict(model['Metadata'], **{key: value})
    found, = check_metafile.count_problems(model, _ROOT)
    assert found.startswith(f'{_NAME}: {problem}')
