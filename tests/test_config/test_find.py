import pytest

from mmconvnextv2.config.find import (
    configs_folder,
    find_config,
    main,
    shipped_configs,
)

_NAME = 'maskrcnn_convnextv2_a_shapes.py'


@pytest.mark.parametrize('name', [
    'maskrcnn_convnextv2_a_shapes', _NAME, f'configs/{_NAME}', f'./{_NAME}'
])
def test_own_config_is_found_from_anywhere(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == configs_folder() / _NAME


def test_path_goes_before_a_shipped_config_of_that_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / _NAME).touch()
    assert find_config(_NAME).resolve() == tmp_path / _NAME
    assert find_config(str(tmp_path / _NAME)) == tmp_path / _NAME
    (tmp_path / 'own.py').touch()
    assert find_config('own').resolve() == tmp_path / 'own.py'


def test_home_folder_is_understood(monkeypatch, tmp_path):
    (tmp_path / 'own.py').touch()
    monkeypatch.setenv('HOME', str(tmp_path))
    assert find_config('~/own.py') == tmp_path / 'own.py'


@pytest.mark.parametrize('name, listed', [
    # Other folders are not replaced by the shipped one.
    (f'mine/{_NAME}', f'Similar names there: {_NAME}'),
    ('maskrcnn_convnext_a_shape.py', f'Similar names there: {_NAME}'),
    ('qqq', f"There are: {', '.join([*shipped_configs()][:6])} and "
     f'{len(shipped_configs()) - 6} more.'),
])
def test_message_names_the_closest_or_some(monkeypatch, tmp_path, name,
                                           listed):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        find_config(name)
    assert str(caught.value).startswith(
        f'there is no config file {name!r}, neither seen from {tmp_path} nor '
        f'in {configs_folder()}. {listed}')


def test_path_is_printed_for_the_shell(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    main(['maskrcnn_convnextv2_a_shapes'])
    assert capsys.readouterr().out == f'{configs_folder() / _NAME}\n'
    with pytest.raises(SystemExit) as caught:
        main(['qqq'])
    assert caught.value.code == 2
    assert "there is no config file 'qqq'" in capsys.readouterr().err
