"""The page of demo/app.py, through Gradio's client where Gradio is there."""
import app
import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.config.find import find_config
from mmconvnextv2.errors import CommandError

ARCH = dict(depths=[1, 1, 1, 1], channels=[4, 8, 12, 16], _delete_=True)


@pytest.fixture
def write(tmp_path):
    """Function that writes config and checkpoint of a small model."""

    def write(name, **changes):
        cfg = Config.fromfile(find_config(name))
        cfg.merge_from_dict({'model.backbone.arch': ARCH, **changes})
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            model = MODELS.build(cfg.model)
        torch.save(dict(state_dict=model.state_dict(), meta={}),
                   tmp_path / f'{name}.pth')
        cfg.dump(tmp_path / f'{name}.py')
        return [str(tmp_path / f'{name}{x}') for x in ('.py', '.pth')]

    return write


def test_a_share_of_the_patches_is_hidden():
    mask = app.draw_random_mask(0.6, 3)
    assert mask.shape == (7, 7) and mask.sum() == 29
    assert (mask == app.draw_random_mask(0.6, 3)).all()
    assert app.draw_random_mask(1., 0).sum() == 48


def test_a_click_hides_and_shows_a_patch():
    mask = np.zeros((7, 7), bool)
    hidden = app.toggle_patch(mask, [40, 223])
    assert not mask.any() and np.argwhere(hidden).tolist() == [[6, 1]]
    assert not app.toggle_patch(hidden, [63, 192]).any()


def test_latest_demo(tmp_path):
    with pytest.raises(CommandError, match='run `make demo`, or give --model'):
        app.latest_demo(tmp_path)
    for name in ('20260101', '20260102', '20260103'):
        folder = tmp_path / name
        folder.mkdir()
        (folder / 'task.py').touch()
        (folder / 'last_checkpoint').write_text('/moved/from/epoch_2.pth\n')
        if name != '20260103':  # which was stopped
            (folder / 'epoch_2.pth').touch()
    assert app.latest_demo(tmp_path) == [
        str(tmp_path / '20260102' / x) for x in ('task.py', 'epoch_2.pth')]


def test_without_gradio(monkeypatch):
    monkeypatch.setitem(app.sys.modules, 'gradio', None)
    with pytest.raises(CommandError, match=r'pip install -e "\.\[app\]"'):
        app.build([])


def test_the_page(write, tmp_path, monkeypatch):
    pytest.importorskip('gradio')
    client = pytest.importorskip('gradio_client')
    monkeypatch.setenv('GRADIO_TEMP_DIR', str(tmp_path / 'gradio'))
    image = tmp_path / 'x.png'
    cv2.imwrite(str(image), np.full((64, 48, 3), 99, np.uint8))
    page = app.build([
        write('convnextv2_a_ft_shapes', **{'model.head.in_channels': 16}),
        write('fcmae_convnextv2_a_shapes', **{
            'model.neck.in_channels': 16, 'model.neck.decoder_channels': 16})])
    _, url, _ = page.launch(
        prevent_thread_lock=True, quiet=True, show_error=True)
    try:
        call = client.Client(url, verbose=False).predict
        file = client.handle_file(str(image))
        picture, table = call(file, 0.3, api_name='/predict')
        assert cv2.imread(picture) is not None
        assert [len(x) for x in table['data']] == [2] * 5
        pictures = call(file, 0.6, 0, api_name='/reconstruct')
        assert [cv2.imread(x).shape for x in pictures] == [(224, 224, 3)] * 3
        picture = call(file, 'stages.3.0', api_name='/channels')
        assert cv2.imread(picture) is not None
        bad = tmp_path / 'bad.png'
        bad.write_text('no image')
        with pytest.raises(Exception, match='cannot identify image file'):
            call(client.handle_file(str(bad)), 0.3, api_name='/predict')
    finally:
        page.close()
