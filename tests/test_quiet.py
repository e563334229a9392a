import logging
import sys
import warnings

import pytest

from mmconvnextv2.quiet import quietly


def test_prints_and_warnings_are_dropped(capsys):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        with quietly():
            print('dropped')
            warnings.warn('dropped', stacklevel=1)
            print('kept', file=sys.stderr)
    print('after')
    assert capsys.readouterr() == ('after\n', 'kept\n')
    assert not caught


def test_a_log_made_within_stays_silent(capsys):
    with quietly():
        handler = logging.StreamHandler(sys.stdout)
    record = logging.LogRecord('demo', logging.INFO, '', 0, 'late', (), None)
    handler.handle(record)  # A closed stream would complain on stderr.
    with quietly():
        handler.handle(record)
    handler.close()
    assert capsys.readouterr() == ('', '')


@pytest.mark.parametrize('level, expected', [
    (logging.NOTSET, ['warning', 'error']),
    (logging.WARNING, ['error']),
])
def test_logs_are_dropped_up_to_a_level(caplog, level, expected):
    before = logging.root.manager.disable
    with quietly(level):
        logging.getLogger('test_quiet').warning('warning')
        logging.getLogger('test_quiet').error('error')
    assert [x.message for x in caplog.records] == expected
    assert logging.root.manager.disable == before
