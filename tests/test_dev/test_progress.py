"""Steps of the set-up: what is shown, logged and raised."""
import sys
from concurrent.futures import ThreadPoolExecutor

import progress
import pytest
from progress import StepError, clock, run_step


def test_clock():
    assert [clock(s) for s in (0, 61.9, 3599)] == ['0:00', '1:01', '59:59']


def test_output_goes_to_the_log_only(tmp_path, capsys):
    log = tmp_path / 'step.log'
    code = 'import sys; print("chatter"); print("noise", file=sys.stderr)'
    run_step('doing it', [sys.executable, '-c', code], log)
    assert sorted(log.read_text().split()) == ['chatter', 'noise']
    assert capsys.readouterr().out == ('  doing it ...\n'
                                       '  doing it done (0:00)\n')


def test_variables_are_added_to_the_present_ones(tmp_path, monkeypatch):
    monkeypatch.setenv('KEPT', '1')
    log = tmp_path / 'step.log'
    code = 'import os; print(os.environ["KEPT"], os.environ["ADDED"])'
    run_step('env', [sys.executable, '-c', code], log, {'ADDED': '2'})
    assert log.read_text() == '1 2\n'


def test_failure_names_the_log_and_quotes_its_end(tmp_path):
    log = tmp_path / 'step.log'
    code = ('print(*range(100), sep="\\n", flush=True); '
            'raise SystemExit("the compiler is missing")')
    with pytest.raises(StepError) as error:
        run_step('compiling', [sys.executable, '-c', code], log)
    lines = str(error.value).splitlines()
    assert lines[0] == 'compiling failed after 0:00.'
    assert 'the compiler is missing' in str(error.value)
    assert lines[-1] == f'The full log is in {log}'
    assert len(lines) == 17


def test_progress_line_counts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, '_LOG_PERIOD', 0.3)
    code = ('import time; print("[3/78] a"); print("[4/78] b", flush=True); '
            'time.sleep(1)')
    run_step('compiling', [sys.executable, '-c', code], tmp_path / 'log',
             count_pattern=r'\[(\d+)/(\d+)\]')
    assert '  compiling 4/78 (0:00, ' in capsys.readouterr().out


def test_time_left_follows_from_the_count(tmp_path):
    log = tmp_path / 'log'
    log.write_text('[3/78] a\n[13/78] b\n')
    assert progress._progress(log, r'\[(\d+)/(\d+)\]', 26.) == (
        '13/78 (0:26, 2:10 left)')
    assert progress._progress(log, None, 61.) == '(1:01)'


def test_a_step_beside_the_main_one_shows_its_end_alone(tmp_path, capsys):
    with ThreadPoolExecutor(1) as beside:
        beside.submit(run_step, 'doing it', [sys.executable, '-c', ''],
                      tmp_path / 'log').result()
    assert capsys.readouterr().out == '  doing it done (0:00)\n'
