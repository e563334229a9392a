import pytest
import torch

from mmconvnextv2.inference import export_graphs
from mmconvnextv2.inference.export_graphs import ExactPool


@pytest.mark.parametrize('bins', [1, 2, 3, 6, (2, 5)])
@pytest.mark.parametrize('size', [(1, 1), (4, 7), (16, 11), (6, 12)])
def test_exact_pool(monkeypatch, bins, size):
    """Maps smaller than the bins, too, and sizes that do not divide."""
    monkeypatch.setattr(export_graphs, 'is_exporting', lambda: True)
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(
        ExactPool(bins)(x), torch.nn.AdaptiveAvgPool2d(bins)(x))


def test_pools_of_a_model():
    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(3), torch.nn.ReLU())
    x = torch.randn(1, 2, 7, 8)
    before = model(x)
    export_graphs.exact_pools(model)
    assert type(model[0]) is ExactPool
    assert torch.equal(model(x), before)
    dim = torch.export.Dim
    shapes = ({2: dim('h', min=2), 3: dim('w', min=2)}, )
    run = torch.export.export(
        model, (x, ), dynamic_shapes=shapes, strict=False).module()
    x = torch.randn(1, 2, 5, 4)
    torch.testing.assert_close(run(x), model(x))
