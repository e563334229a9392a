"""Train what a config describes: classifier, detector, segmentor or FCMAE."""
import argparse
import sys
from pathlib import Path

from _command_line import add_common_arguments


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('config', help='path of a config, or the name of one of ours')
    add('--amp', action='store_true',
        help='train in mixed precision; on a CPU, in bfloat16 if that is '
        'faster there')
    add('--auto-scale-lr', action='store_true',
        help='scale the learning rate by the actual over the base batch size')
    add('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='continue a run: from this checkpoint, or without a value from '
        'the latest one in the work dir, if there is any')
    add('--resume-settings', choices=['checkpoint', 'config'],
        help="whose schedules, learning rate and other settings of the "
        "optimizer count when the config has changed (default: the config's "
        'default_hooks.resume.settings, else checkpoint)')
    add('--overwrite', action='store_true',
        help='start anew although the work dir holds checkpoints, which the '
        'new ones may replace')
    add('--no-validate', action='store_true',
        help='do not evaluate while training')
    add_common_arguments(parser)
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from mmengine.config import Config

from mmconvnextv2 import cli
from mmconvnextv2.checkpoint.loading import safe_loading
from mmconvnextv2.cli import CommandError, build_runner
from mmconvnextv2.config.check import require_names
from mmconvnextv2.config.walk import type_name
from mmconvnextv2.engine.cpu import fit_amp_to_cpu, join_processes_on_cpu
from mmconvnextv2.engine.hooks.preemption_hook import handle
from mmconvnextv2.engine.run_errors import explained_errors
from mmconvnextv2.engine.sharding import check_strategy
from mmconvnextv2.files import latest_whole_checkpoint


def set_amp(cfg: Config) -> None:
    """Turn mixed precision on."""
    kind = type_name(cfg.optim_wrapper) or 'OptimWrapper'
    if kind == 'AmpOptimWrapper':
        return
    if kind != 'OptimWrapper':
        raise CommandError('--amp works with optim_wrapper.type OptimWrapper, '
                           f'the config has {kind}')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def set_auto_scale_lr(cfg: Config) -> None:
    """Let MMEngine scale the learning rate."""
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise CommandError(
            '--auto-scale-lr needs to know the batch size that the learning '
            'rate is meant for: set auto_scale_lr=dict(enable=False, '
            'base_batch_size=...) in the config')
    cfg.auto_scale_lr.enable = True


def set_resume(cfg: Config, args: argparse.Namespace) -> None:
    """Decide where to start from; protect the checkpoints of other runs."""
    if args.resume_settings:
        if args.resume is None:
            raise CommandError('--resume-settings goes with --resume')
        hook = dict(type='mmconvnextv2.ResumeHook')
        cfg.setdefault('default_hooks', {}).setdefault('resume', hook)
        cfg.default_hooks.resume.settings = args.resume_settings
    work_dir = Path(cfg.work_dir)
    latest = latest_whole_checkpoint(cfg.work_dir)
    if args.resume not in (None, 'auto'):
        cli.require_file(args.resume, '--resume')
        cfg.resume, cfg.load_from = True, args.resume
    elif args.resume == 'auto' and latest:
        cfg.resume, cfg.load_from = True, latest
    elif not cfg.get('resume') and not args.overwrite and (
            latest or any(work_dir.glob('*.pth'))):
        raise CommandError(
            f'{cfg.work_dir} holds the checkpoints of another run. Choose '
            'another --work-dir, or continue that run with --resume'
            f"{'' if latest else ' CHECKPOINT'}, or start anew with "
            '--overwrite, which may replace them.')
    elif args.resume == 'auto':
        cli.speaker(args.launcher)(f'Nothing to resume in {cfg.work_dir}: '
                               'starting from the beginning.')


def train(args: argparse.Namespace) -> None:
    """Check the request, then train."""
    cfg = cli.load_config(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    splits = ('train', 'val')
    if args.amp:
        set_amp(cfg)
    if args.auto_scale_lr:
        set_auto_scale_lr(cfg)
    check_strategy(cfg)
    set_resume(cfg, args)
    cli.require_data(cfg, args, splits, initial_weights=True)
    require_names(cfg, splits)
    say = cli.speaker(args.launcher)
    fit_amp_to_cpu(cfg, say)
    join_processes_on_cpu(cfg, say)
    if cli.is_main_process(args.launcher):
        cli.require_writable(cfg.work_dir)
    with explained_errors(cfg, splits), safe_loading():
        runner = build_runner(cfg, splits, say)
        runner.train()


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(train, parse_args(argv))


if __name__ == '__main__':
    handle()  # signals, until a hook does
    sys.exit(main())
