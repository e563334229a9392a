"""Evaluate a checkpoint on the test data that a config names."""
import argparse
import os.path as osp
import sys
from typing import List, Optional

from _command_line import add_common_arguments


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('config', help='path of a config, or the name of one of ours')
    add('checkpoint', help='path or URL of the weights')
    add('--entry',
        help='key of the state dict in the file, such as model_ema (default: '
        'state_dict or model if there is one, else the whole file)')
    add('--out', metavar='FILE.pkl', help='write the predictions to this file')
    add('--show', action='store_true', help='show the predictions in a window')
    add('--show-dir', help='folder for pictures of the predictions')
    add('--wait-time', type=float, default=2,
        help='seconds a window is shown (default: %(default)s)')
    add('--tta', action='store_true',
        help="augment at test time, by the config's tta_model and "
        'tta_pipeline')
    add('--amp', action='store_true',
        help='mixed precision: float16 on GPUs, bfloat16 on CPUs that have '
        'fast instructions for it')
    add_common_arguments(parser)
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from mmengine.config import Config, ConfigDict
from mmengine.registry import METRICS
from mmengine.runner import Runner

from mmconvnextv2 import cli
from mmconvnextv2.checkpoint.loading import safe_loading
from mmconvnextv2.cli import CommandError, build_runner
from mmconvnextv2.config.check import require_names
from mmconvnextv2.engine.cpu import (
    join_processes_on_cpu,
    spared_operators,
    takes_amp,
)
from mmconvnextv2.engine.run_errors import explained_errors

# Scope: (its visualisation hook, what turns it on, where it takes a folder).
# mmsegmentation's takes none: its visualiser does.
_HOOKS = {
    'mmdet': ('DetVisualizationHook', 'draw', 'test_out_dir'),
    'mmseg': ('SegVisualizationHook', 'draw', None),
    'mmpretrain': ('VisualizationHook', 'enable', 'out_dir'),
}


def set_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Draw predictions, with the hook of the package in charge."""
    scope = cfg.get('default_scope')
    if scope not in _HOOKS:
        raise CommandError('--show and --show-dir work with the default_scope '
                           f'{", ".join(_HOOKS)}; the config has {scope}')
    kind, switch, folder = _HOOKS[scope]
    hooks = cfg.setdefault('default_hooks', {})
    hook = dict(hooks.get('visualization') or dict(type=kind))
    hook.update({switch: True})
    if args.show:
        hook.update(show=True, wait_time=args.wait_time)
    if args.show_dir:
        # mmdet puts a relative one below itself, image after image.
        args.show_dir = osp.abspath(args.show_dir)
        (hook if folder else cfg.visualizer)[folder or 'save_dir'] = (
            args.show_dir)
    hooks['visualization'] = hook


def set_tta(cfg: Config) -> None:
    """Put the model and the pipeline for test-time augmentation in place.

    The config's ``tta_test_cfg``, if there is one, goes over
    ``model.test_cfg``.
    """
    absent = [x for x in ('tta_model', 'tta_pipeline') if x not in cfg]
    if absent:
        raise CommandError(f'--tta needs {" and ".join(absent)} in the config')
    cfg.model.setdefault('test_cfg', {}).update(cfg.get('tta_test_cfg', {}))
    cfg.model = ConfigDict(cfg.tta_model, module=cfg.model)
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    dataset.pipeline = cfg.tta_pipeline


def dump_predictions(runner: Runner, scope: Optional[str], out: str) -> None:
    """Let the evaluator write the predictions to a file as well."""
    # mmdet's keeps masks compressed.
    kind = 'mmdet.DumpDetResults' if scope == 'mmdet' else 'DumpResults'
    metric = METRICS.build(dict(type=kind, out_file_path=out))
    runner.test_evaluator.metrics.append(metric)


def test(args: argparse.Namespace) -> None:
    """Check the request, then evaluate."""
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        raise CommandError(f'--out must end in .pkl, got {args.out!r}')
    cfg = cli.load_config(args)
    cli.require_file(args.checkpoint, 'checkpoint')
    cfg.load_from, cfg.resume = args.checkpoint, False
    if cfg.pop('strategy', None):  # Only training needs its model sharded.
        cfg.pop('runner_type', None)
    if args.show or args.show_dir:
        set_visualization(cfg, args)
    if args.tta:
        set_tta(cfg)
    amp = args.amp and takes_amp(cli.speaker(args.launcher))
    if amp:
        cfg.test_cfg.fp16 = True
    cli.require_data(cfg, args, ('test', ), initial_weights=False)
    require_names(cfg, ('test', ))
    join_processes_on_cpu(cfg, cli.speaker(args.launcher))
    with explained_errors(cfg, ('test', )), safe_loading(args.entry):
        runner = build_runner(cfg, ('test', ), cli.speaker(args.launcher))
        if args.out:
            dump_predictions(runner, cfg.get('default_scope'), args.out)
        with spared_operators(runner.model, amp):
            runner.test()
    if args.show_dir:
        cli.speaker(args.launcher)(f'The pictures are in {args.show_dir}.')


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(test, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
