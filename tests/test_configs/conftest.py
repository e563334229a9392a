"""Data where the configs expect them."""
import pytest
from one_step import link_data

from mmconvnextv2.datasets import make_shapes


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Folder with the shapes in every layout, under the configs' paths."""
    folder = tmp_path_factory.mktemp('configs')
    make_shapes(folder / 'shapes', num_train=6, num_val=2)
    link_data(folder, folder / 'shapes')
    return folder
