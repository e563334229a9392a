"""Where train.py starts from, and what it protects."""
import pytest
import torch

_REFUSED = 2


def _change(config, text):
    config.write_text(config.read_text() + text)
    return config


def _fill(work_dir, *names):
    """Make checkpoints; ``last_checkpoint`` names the last of them."""
    work_dir.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name.endswith('.pth'):
            torch.save({}, work_dir / name)
        else:
            (work_dir / name).write_text(str(work_dir / names[-1]))


@pytest.mark.parametrize('names, advice', [
    (('last_checkpoint', 'epoch_1.pth'), 'with --resume, or'),
    (('epoch_1.pth', ), 'with --resume, or'),
    (('best_1.pth', ), 'with --resume CHECKPOINT, or'),
])
def test_checkpoints_of_another_run_are_protected(toy, train, tmp_path, capsys,
                                                  names, advice):
    _fill(tmp_path / 'w', *names)
    assert train.main([str(toy), '--work-dir', 'w']) == _REFUSED
    message = capsys.readouterr().err
    assert message.startswith('train.py: w holds the checkpoints of another '
                              'run. Choose another --work-dir, or continue')
    assert advice in message and '--overwrite' in message
    train(toy, '--work-dir', 'w', '--overwrite')
    # Logs are no obstacle.
    _fill(tmp_path / 'other', 'toy.py')
    _fill(tmp_path / 'other' / '20250101_000000', 'some.log')
    cfg = train(toy, '--work-dir', 'other')
    assert cfg.work_dir == 'other' and not cfg.get('resume')


def test_resume_from_the_latest_checkpoint(toy, train, tmp_path):
    _change(toy, "load_from = 'start.pth'\n")
    (tmp_path / 'start.pth').touch()
    work_dir = tmp_path / 'work_dirs' / 'toy'
    _fill(work_dir, 'epoch_2.pth', 'last_checkpoint', 'epoch_1.pth')
    cfg = train(toy, '--resume')
    assert cfg.resume is True
    assert cfg.load_from == 'work_dirs/toy/epoch_1.pth'
    # As MMEngine's own hook leaves it when it is killed at a bad moment.
    whole = (work_dir / 'epoch_1.pth').read_bytes()
    (work_dir / 'epoch_1.pth').write_bytes(whole[:-30])
    assert train(toy, '--resume').load_from == 'work_dirs/toy/epoch_2.pth'
    (work_dir / 'epoch_1.pth').write_bytes(whole)
    (work_dir / 'last_checkpoint').write_text('')
    assert train(toy, '--resume').load_from == 'work_dirs/toy/epoch_2.pth'


def test_resume_without_a_checkpoint(toy, train, tmp_path, capsys):
    _change(toy, "load_from = 'start.pth'\n")
    (tmp_path / 'start.pth').touch()
    cfg = train(toy, '--resume')
    assert not cfg.get('resume') and cfg.load_from == 'start.pth'
    assert capsys.readouterr().out == ('Nothing to resume in ./work_dirs/toy: '
                                       'starting from the beginning.\n')
    # What it cannot continue is not overwritten.
    _fill(tmp_path / 'work_dirs' / 'toy', 'best_1.pth')
    assert train.main([str(toy), '--resume']) == _REFUSED
    assert '--resume CHECKPOINT' in capsys.readouterr().err


def test_resume_from_a_path(toy, train, tmp_path, capsys):
    _fill(tmp_path / 'w', 'epoch_3.pth')
    cfg = train(toy, '--resume', 'w/epoch_3.pth', '--work-dir', 'w',
                '--resume-settings', 'config')
    assert cfg.default_hooks.resume == dict(
        type='mmconvnextv2.ResumeHook', settings='config')
    assert train.main([str(toy), '--resume-settings', 'config']) == _REFUSED
    assert capsys.readouterr().err == (
        'train.py: --resume-settings goes with --resume\n')
    assert cfg.resume is True and cfg.load_from == 'w/epoch_3.pth'
    assert train.main([str(toy), '--resume', 'w/epoch_4.pth']) == _REFUSED
    assert capsys.readouterr().err == (
        "train.py: --resume: there is no file 'w/epoch_4.pth' (seen from "
        f'{tmp_path}). Checkpoints in w: epoch_3.pth.\n')


def test_trains_and_resumes(toy, tmp_path, load_tool):
    main = load_tool('train').main
    work_dir = tmp_path / 'work_dirs' / 'toy'
    assert main([str(toy)]) == 0

    def written():
        return (work_dir / 'epoch_1.pth').stat().st_mtime_ns

    first = written()
    more = ['--cfg-options', 'train_cfg.max_epochs=2']
    assert main([str(toy), '--resume', *more]) == 0
    assert (work_dir / 'epoch_2.pth').is_file()
    assert written() == first
    assert (work_dir / 'last_checkpoint').read_text().endswith('epoch_2.pth')
    assert main([str(toy), '--overwrite', *more]) == 0
    assert written() > first
