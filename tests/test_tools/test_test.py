import contextlib
import os
import pickle

import pytest
import torch
from mmengine.registry import DATASETS, MODELS, TRANSFORMS

_REFUSED = 2


@pytest.fixture
def evaluate(load_tool, built):
    """Function that runs test.py up to the runner; returns its config."""
    tool = load_tool('test')
    runners = built(tool)

    def run_evaluate(*arguments):
        assert tool.main([str(x) for x in arguments]) == 0
        runner = runners.pop()
        assert runner.ran == 'test' and not runners
        run_evaluate.metrics = runner.test_evaluator.metrics
        return runner.cfg

    run_evaluate.main = tool.main
    return run_evaluate


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / 'weights.pth'
    path.touch()
    return path


def _scope(config, scope):
    config.write_text(f'{config.read_text()}default_scope = {scope!r}\n'
                      "visualizer = dict(type='Visualizer')\n")


def test_defaults(toy, weights, evaluate):
    cfg = evaluate(toy, weights)
    assert cfg.load_from == str(weights)
    assert cfg.resume is False
    assert cfg.work_dir == './work_dirs/toy'
    assert 'visualization' not in cfg.default_hooks
    assert not evaluate.metrics


@pytest.mark.parametrize('fast', [True, False])
def test_mixed_precision_spares_operators_of_mmcv(
        toy, weights, evaluate, monkeypatch, fast):
    calls = []
    monkeypatch.setitem(
        evaluate.main.__globals__, 'spared_operators',
        lambda *args: calls.append(args) or contextlib.nullcontext())
    monkeypatch.setattr('mmconvnextv2.engine.cpu.get_device', lambda: 'cpu')
    monkeypatch.setattr('mmconvnextv2.engine.cpu.has_fast_bf16', lambda: fast)
    cfg = evaluate(toy, weights, '--amp')
    assert cfg.test_cfg.get('fp16', False) is fast
    (model, wanted), = calls
    assert isinstance(model, torch.nn.Identity) and wanted is fast


def test_checkpoint_may_be_a_url(toy, evaluate):
    url = 'https://x.org/w.pth'
    assert evaluate(toy, url).load_from == url


def test_missing_checkpoint_is_named(toy, weights, evaluate, tmp_path, capsys):
    assert evaluate.main([str(toy), str(tmp_path / 'wights.pth')]) == _REFUSED
    assert capsys.readouterr().err == (
        f"test.py: checkpoint: there is no file '{tmp_path}/wights.pth' (seen "
        f'from {tmp_path}). Checkpoints in {tmp_path}: weights.pth.\n')


def test_only_test_data_is_needed_and_no_initial_weights(
        toy, weights, evaluate, capsys):
    toy.write_text(
        toy.read_text() + "train_dataloader = dict(dataset=dict(ann_file='g'))"
        "\nmodel.update(init_cfg=dict(type='Pretrained', checkpoint='g'))\n")
    evaluate(toy, weights)
    toy.write_text(toy.read_text() +
                   "test_dataloader['dataset'].update(ann_file='gone', "
                   'data_root=None)\n')
    assert evaluate.main([str(toy), str(weights)]) == _REFUSED
    message = capsys.readouterr().err
    assert '  gone\n' in message
    assert 'mmconvnextv2 train maskrcnn_convnextv2_a_shapes.py' in message


@pytest.mark.parametrize('scope, hook, save_dir', [
    ('mmdet', dict(type='DetVisualizationHook', draw=True,
                   test_out_dir='/p'), None),
    ('mmseg', dict(type='SegVisualizationHook', draw=True), '/p'),
    ('mmpretrain', dict(type='VisualizationHook', enable=True,
                        out_dir='/p'), None),
])
def test_pictures_are_drawn_by_the_hook_of_the_scope(
        toy, weights, evaluate, scope, hook, save_dir, capsys):
    _scope(toy, scope)
    cfg = evaluate(toy, weights, '--show-dir', '/p')
    assert capsys.readouterr().out.endswith('The pictures are in /p.\n')
    assert cfg.default_hooks.visualization == hook
    assert cfg.visualizer.get('save_dir') == save_dir
    cfg = evaluate(toy, weights, '--show', '--wait-time', 3)
    assert cfg.default_hooks.visualization.show is True
    assert cfg.default_hooks.visualization.wait_time == 3
    assert cfg.visualizer.get('save_dir') is None


@pytest.mark.parametrize('options, message', [
    (('--show-dir', 'p'), '--show and --show-dir work with the default_scope '
     'mmdet, mmseg, mmpretrain; the config has None'),
    (('--tta', ), '--tta needs tta_model and tta_pipeline in the config'),
    (('--out', 'o.json'), "--out must end in .pkl, got 'o.json'"),
])
def test_option_that_cannot_be_met(toy, weights, evaluate, capsys, options,
                                   message):
    assert evaluate.main([str(toy), str(weights), *options]) == _REFUSED
    assert capsys.readouterr().err == f'test.py: {message}\n'


def test_hook_of_the_config_keeps_its_settings(toy, weights, evaluate):
    _scope(toy, 'mmdet')
    toy.write_text(toy.read_text() + 'default_hooks.update(visualization=dict('
                   "type='DetVisualizationHook', interval=7))\n")
    cfg = evaluate(toy, weights, '--show-dir', 'p')
    assert cfg.default_hooks.visualization == dict(
        type='DetVisualizationHook', interval=7, draw=True,
        test_out_dir=os.path.abspath('p'))


def test_tta_takes_model_and_pipeline_of_the_config(toy, weights, evaluate,
                                                    monkeypatch):
    for registry, name in ((MODELS, 'Average'), (TRANSFORMS, 'Flip'),
                           (DATASETS, 'RepeatDataset')):
        monkeypatch.setitem(registry.module_dict, name, dict)
    toy.write_text(
        toy.read_text() + "tta_model = dict(type='Average', tta_cfg=dict(a=1))"
        "\ntta_pipeline = [dict(type='Flip')]\n"
        "test_dataloader.update(dataset=dict(type='RepeatDataset', times=1, "
        "dataset=dict(type='ToyDataset')))\n")
    cfg = evaluate(toy, weights, '--tta')
    assert (cfg.model.type, cfg.model.tta_cfg) == ('Average', dict(a=1))
    assert cfg.model.module.type == 'ToyClassifier'
    assert cfg.test_dataloader.dataset.dataset.pipeline == [dict(type='Flip')]


@pytest.mark.parametrize('scope, kind', [
    ('mmengine', 'DumpResults'),
    ('mmdet', 'DumpDetResults'),
])
def test_out_dumps_with_the_metric_of_the_scope(toy, weights, evaluate, scope,
                                                kind):
    _scope(toy, scope)
    evaluate(toy, weights, '--out', 'o.pkl')
    (metric, ) = evaluate.metrics
    assert type(metric).__name__ == kind
    assert metric.out_file_path == 'o.pkl'


def test_evaluates_what_was_trained(toy, tmp_path, load_tool):
    assert load_tool('train').main([str(toy)]) == 0
    checkpoint = 'work_dirs/toy/epoch_1.pth'
    assert load_tool('test').main(
        [str(toy), checkpoint, '--out', 'new/o.pkl', '--work-dir', 'w']) == 0
    results = pickle.loads((tmp_path / 'new' / 'o.pkl').read_bytes())
    assert [sample['label'] for sample in results] == [0, 1, 0, 1]
    assert (tmp_path / 'w' / 'toy.py').is_file()
    # The other weights of the file.
    content = torch.load(checkpoint, weights_only=False)
    content['mine'] = content.pop('state_dict')
    content['state_dict'] = {'x': torch.ones(1)}
    torch.save(content, 'two.pth')
    for entry, code in (('mine', 0), ('state_dict', 2), ('none', 2)):
        assert load_tool('test').main(
            [str(toy), 'two.pth', '--entry', entry, '--work-dir', 'w']) == code


def test_either_weights_of_an_averaged_run(toy, load_tool, monkeypatch):
    toy.write_text(toy.read_text() + "custom_hooks = [dict(type='EMAHook', "
                   'momentum=0.5)]\n')
    assert load_tool('train').main([str(toy)]) == 0
    path, seen = 'work_dirs/toy/epoch_1.pth', []
    model = MODELS.get('ToyClassifier')
    forward = model.forward

    def watched(self, *args, **kwargs):
        seen.append(self.head.weight.detach().clone())
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(model, 'forward', watched)
    content = torch.load(path, weights_only=False)
    for name, arguments in (
        ('head.weight', []),
        ('module.head.weight', ['--entry', 'ema_state_dict'])):
        assert load_tool('test').main(
            [str(toy), path, '--work-dir', 'w', *arguments]) == 0
        entry = arguments[-1] if arguments else 'state_dict'
        assert torch.equal(seen.pop(), content[entry][name])
    assert not torch.equal(content['state_dict']['head.weight'],
                           content['ema_state_dict']['module.head.weight'])
