"""Every block of code in README.md and docs/ is run, or says why it is not.

ELSEWHERE names the test file that runs a block, and what it takes it by.
"""
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from analysis_toy import toy_backbone, write_class_folders, write_config
from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS, init_default_scope

from mmconvnextv2 import LayerDecayOptimWrapperConstructor
from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.datasets import make_shapes

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
LANGUAGES = ('', 'bash', 'python', 'bibtex')


# Pages whose blocks need packages of others, and the script that runs them.
BY_SCRIPT = dict(toolboxes='dev/toolboxes.sh')


def blocks():
    """Text of each block of code by 'page number'."""
    for page in PAGES:
        if page.stem in BY_SCRIPT:
            assert (ROOT / BY_SCRIPT[page.stem]).is_file()
            continue
        found = re.findall(r'^```(\w*)\n(.*?)^```', page.read_text(),
                           re.DOTALL | re.MULTILINE)
        for number, (language, text) in enumerate(found, 1):
            assert language in LANGUAGES
            yield f'{page.stem} {number}', text


BLOCKS = dict(blocks())
ELSEWHERE = {
    'README 1': ('test_demo/test_demo.py', 'demo.py'),
    'README 4': ('test_configs/test_drop_in.py', 'In a project that you have'),
    'analysis 3': ('test_tools/test_test_robustness.py', 'data/shapes-c'),
    'deployment 3': ('test_demo/test_quantize_exported.py', '--number'),
    'existing_projects 2': ('test_tools/test_mim.py', "'train'"),
    'faults 3': ('test_tools/test_launchers.py', "MAX_RESTARTS='3'"),
    'inference 1': ('test_tools/test_infer.py', 'docs/inference.md'),
    'inference 2': ('test_demo/test_app.py', 'app'),
    'pretraining 1': ('test_demo/test_pretrain_demo.py', 'pretrain_demo'),
    'pretraining 2': ('test_configs/test_own_images.py',
                      "python_blocks('Pre-training with FCMAE')"),
    'pretraining 3': ('test_configs/test_own_images.py',
                      "python_blocks('Pre-training with FCMAE')"),
    'quick_start 1': ('test_demo/test_demo.py', "'upernet'"),
    'training 2': ('test_configs/test_coco_recipes.py', "section('Training')"),
    'use_backbone 1': ('test_config/test_rewrite.py', '--arch tiny'),
    'use_backbone 2': ('test_config/test_rewrite.py', 'PAGE'),
    'your_data 1': ('test_configs/test_own_classes.py',
                    "python_blocks('Your own classes')"),
    'your_data 2': ('test_configs/test_own_classes.py',
                    "python_blocks('Boxes only')"),
    'your_data 3': ('test_configs/test_own_classes.py',
                    "section('Boxes only')"),
    'your_data 4': ('test_configs/test_own_label_maps.py',
                    "python_blocks('Label maps')"),
    'your_data 5': ('test_configs/test_own_class_folders.py',
                    "python_blocks('Class folders')"),
    'your_data 6': ('test_configs/test_own_label_maps.py',
                    "python_blocks('More than 8 bits or 3 channels')"),
}
NOT_RUN = {
    'README 2': 'downloads a CUDA build',
    'README 5': 'is a citation',
    'analysis 2': 'needs ImageNet-C, -A, -R and -Sketch',
    'design 1': 'is a drawing',
    'design 2': 'is a list of folders',
    'design 3': 'is an order, which test_import_graph.py checks',
    'existing_projects 1': 'needs pytorch-grad-cam; '
                           'test_convnextv2_parity.py checks the same maps',
    'faults 1': 'needs Slurm',
    'install 1': 'builds an environment, as CI does first',
    'install 2': 'downloads a CUDA build',
    'install 3': 'compiles mmcv for a quarter of an hour',
    'training 1': 'needs COCO, GPUs and Slurm',
    'training 3': 'needs ImageNet and eight GPUs',
    'training 4': 'is what a program prints',
}


@pytest.fixture
def commands(tmp_path, monkeypatch, load_tool):
    """Function that runs a block's tools in an empty folder.

    Words are replaced as given; returns the number of commands.
    """
    monkeypatch.chdir(tmp_path)

    def run(name, *only, more=(), **replaced):
        lines = [line.split('#')[0].split() for line in
                 BLOCKS[name].replace('\\\n', ' ').splitlines()]
        chosen = [x for x in lines if x[1:2] == [f'tools/{only[0]}.py']
                  and {*only[1:]} <= {*x}]
        for _, script, *words in chosen:
            words = [replaced.get(x, x) for x in words]
            assert load_tool(Path(script).stem).main([*words, *more]) == 0
        return len(chosen)

    return run


def test_every_block_is_run_or_says_why_not():
    here = {f'{x} {n}' for x, n in re.findall(
        r"(?:BLOCKS\[|commands\(|    \()'(\w+) (\d+)'",
        Path(__file__).read_text())}
    assert here | {*ELSEWHERE} | {*NOT_RUN} == {*BLOCKS}
    assert not here & {*NOT_RUN} and not {*ELSEWHERE} & {*NOT_RUN}


@pytest.mark.parametrize('name', ELSEWHERE)
def test_it_is_run_elsewhere(name):
    file, words = ELSEWHERE[name]
    assert words in (TESTS / file).read_text()


def _toy_models():
    write_config(Path('v2.py'), "arch=dict(depths=[1, 2], channels=[4, 8])")
    torch.save(toy_backbone().state_dict(), 'v2.pth')


def test_figures_of_the_paper(commands, tmp_path):
    write_class_folders(tmp_path / 'images', counts=(10, 10))
    _toy_models()
    words = dict(FOLDER='images', TRAIN='images', VAL='images', OUT='out',
                 CONFIG='v2.py', CHECKPOINT='v2.pth')
    more = ['--size', '16']
    assert commands('analysis 1', 'analyze', 'cosine-distance', more=more,
                    **words) == 1
    assert commands('analysis 1', 'analyze', 'knn', more=more, **words) == 1
    assert {x.name for x in Path('out').iterdir()} >= {
        'cosine_distance.csv', 'cosine_distance.png'}


def _save_random_weights(name, path):
    cfg = Config.fromfile(configs_folder() / f'{name}.py')
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), path)


@pytest.mark.slow
def test_what_a_quick_start_has_trained_is_used(commands):
    make_shapes('data/shapes', num_train=2, num_val=2)
    _save_random_weights('maskrcnn_convnextv2_a_shapes', 'mask.pth')
    for tool in ('infer', 'test'):
        assert commands('quick_start 2', tool, CHECKPOINT='mask.pth') == 1
    assert len([*Path('work_dirs/maskrcnn_convnextv2_a_shapes/infer/pictures'
                      ).iterdir()]) == 2
    _save_random_weights('fcmae_convnextv2_a_shapes', 'fcmae.pth')
    assert commands('quick_start 3', 'visualize_fcmae',
                    CHECKPOINT='fcmae.pth') == 1
    assert len([*Path('reconstructions').iterdir()]) == 2


@pytest.mark.slow
def test_export_and_run(commands, tmp_path):
    _save_random_weights('maskrcnn_convnextv2_a_shapes', 'epoch_14.pth')
    assert commands('deployment 1', 'export') == 1
    cv2.imwrite('image.jpg', np.random.default_rng(0).integers(
        0, 255, (120, 160, 3), dtype='u1'))
    line, = (x.split() for x in BLOCKS['deployment 2'].splitlines()
             if x.startswith('python'))
    done = subprocess.run([sys.executable, ROOT / line[1], *line[2:]],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')


@pytest.mark.slow
@pytest.mark.parametrize('name, line, config', [
    ('existing_projects 3', 0, 'maskrcnn_convnextv2_a_shapes'),
    ('README 3', 3, 'fcmae_convnextv2_a_shapes')])
def test_training_on_shapes(tmp_path, name, line, config):
    (tmp_path / 'tools').symlink_to(ROOT / 'tools')
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    make_shapes(tmp_path / 'data/shapes', num_train=16, num_val=2)
    python, *words = BLOCKS[name].splitlines()[line].split('#')[0].split()
    assert python == 'python' and config in words[-1]
    done = subprocess.run(
        [sys.executable, *words, '--cfg-options', 'train_cfg.max_epochs=1'],
        cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f'work_dirs/{config}/epoch_1.pth').is_file()


@pytest.mark.slow
def test_a_run_that_is_started_until_it_has_finished(tmp_path, monkeypatch):
    """In a loop of the shell, by the exit code."""
    line = BLOCKS['faults 2'].strip()
    assert line.startswith('while python tools/train.py CONFIG --resume')
    (tmp_path / 'tools').symlink_to(ROOT / 'tools')
    monkeypatch.syspath_prepend(TESTS / 'test_tools')
    from toy_task import write_toy_task
    write_toy_task(tmp_path)
    folders = [str(Path(sys.executable).parent), os.environ['PATH']]
    done = subprocess.run(
        ['bash', '-c', line.replace('CONFIG', 'toy.py')], cwd=tmp_path,
        capture_output=True, text=True, timeout=200,
        env={**os.environ, 'PATH': os.pathsep.join(folders), 'PYTHONPATH':
             os.pathsep.join([str(TESTS / 'test_tools'), str(ROOT)])})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'work_dirs/toy/epoch_1.pth').is_file()


def test_classes_that_a_checkpoint_may_hold(monkeypatch):
    mine = types.ModuleType('my_project')
    mine.MyClass = type('MyClass', (), {})
    monkeypatch.setitem(sys.modules, 'my_project', mine)
    before = torch.serialization.get_safe_globals()
    exec(BLOCKS['faults 4'], {})
    added = {*torch.serialization.get_safe_globals()} - {*before}
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(before)
    assert added == {mine.MyClass}


def test_messages_to_search_for():
    """What docs/faults.md quotes is printed by the package; cells are short.

    Words in capitals and what stands in dots differ by run.
    """
    page = (ROOT / 'docs/faults.md').read_text()
    cells = [cell for line in page.splitlines() if line.startswith('|')
             for cell in line.split(' | ')]
    assert max(map(len, cells)) <= 160
    source = re.sub(r"['\"]\s*f?['\"]", '', ''.join(
        x.read_text() for x in (ROOT / 'mmconvnextv2').rglob('*.py')))
    quoted = re.findall(r'\*\*`([^`]+)`\*\*', ' '.join(page.split()))
    assert len(quoted) > 25
    for text in {*quoted} - {'DataLoader worker (pid N) is killed'}:
        words = re.split(r'\.\.\.|,|\b[A-Z]+x?[A-Z]*\b|train', text)
        words = [x.strip(' ()') for x in words if len(x.strip(' ()')) > 3]
        assert words and all(x in source for x in words), (text, words)


def test_rates_by_layer():
    cfg = Config.fromstring(BLOCKS['layer_decay 1'], '.py').optim_wrapper
    backbone = toy_backbone()
    model = torch.nn.ModuleDict(dict(backbone=backbone))
    build = LayerDecayOptimWrapperConstructor(
        dict(type='OptimWrapper', optimizer=cfg.optimizer), cfg.paramwise_cfg)
    rates = {x['lr'] for x in build(model).optimizer.param_groups}
    # The stem lies below three blocks.
    assert min(rates) == pytest.approx(1e-4 * 0.9**3)


def test_sharded_config(tmp_path):
    text = BLOCKS['scale 1'].replace("'./", f"'{configs_folder()}/")
    (tmp_path / 'mine.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'mine.py')
    assert cfg.strategy.type.endswith('ShardedStrategy')
    assert cfg.strategy.param_dtype == 'bfloat16'


def test_compiled_blocks():
    hooks = Config.fromstring(BLOCKS['speed 1'], '.py').default_hooks
    hook = HOOKS.build(hooks.compile_blocks)
    assert type(hook).__name__ == 'CompileBlocksHook'


def test_a_longer_run(commands, tmp_path, load_tool, monkeypatch):
    monkeypatch.syspath_prepend(TESTS / 'test_tools')
    from toy_task import write_toy_task
    write_toy_task(tmp_path)
    train = load_tool('train').main
    assert train(['toy.py', '--work-dir', 'work_dirs/first']) == 0
    Path('longer.py').write_text(
        "_base_ = './toy.py'\ntrain_cfg = dict(max_epochs=2)\n")
    assert commands('training 5', 'train') == 1
    assert Path('work_dirs/first/epoch_2.pth').is_file()


def test_conversion(commands):
    torch.save(toy_backbone().state_dict(), 'v2.pth')
    assert commands('weights 1', 'convert_checkpoint', SRC='v2.pth',
                    DST='timm.safetensors') == 1
    assert Path('timm.safetensors').is_file()


def test_averaged_weights(commands):
    state = toy_backbone().state_dict()
    averaged = {f'module.{key}': x + 1 for key, x in state.items()}
    torch.save(dict(state_dict=state, ema_state_dict=averaged), 'epoch_12.pth')
    assert commands('weights 2', 'convert_checkpoint') == 1
    found = torch.load('as_trained.pth')['state_dict']
    name = 'stages.0.0.norm.weight'
    key, = (x for x in found if x.endswith(name))
    assert torch.equal(found[key], state[name] + 1)
