import logging
import sys
import warnings

import pytest

from mmconvnextv2.quiet import quietly


@pytest.mark.parametrize('level, logged', [
    (logging.NOTSET, ['warning', 'error']), (logging.WARNING, ['error'])])
def test_drops_prints_warnings_and_logs_up_to_a_level(capsys, caplog, level,
                                                      logged):
    before = logging.root.manager.disable
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        with quietly(level):
            print('dropped')
            warnings.warn('dropped', stacklevel=1)
            print('kept', file=sys.stderr)
            for name in ('warning', 'error'):
                getattr(logging.getLogger('test_quiet'), name)(name)
    print('after')
    assert capsys.readouterr() == ('after\n', 'kept\n')
    assert not caught and [x.message for x in caplog.records] == logged
    assert logging.root.manager.disable == before


def test_a_log_made_within_stays_silent(capsys):
    with quietly():
        handler = logging.StreamHandler(sys.stdout)
    record = logging.LogRecord('demo', logging.INFO, '', 0, 'late', (), None)
    handler.handle(record)  # A closed stream would complain on stderr.
    handler.close()
    assert capsys.readouterr() == ('', '')
