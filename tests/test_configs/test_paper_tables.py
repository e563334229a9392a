"""The recipes that configs come to, against the papers' tables."""
import pytest
from config_run import CONFIGS
from mmengine.config import Config
from paper_tables import TABLES

from mmconvnextv2.config.recipe import recipe


def comparable(value):
    """The same for lists and tuples, at all depths."""
    if isinstance(value, dict):
        return {key: comparable(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [comparable(x) for x in value]
    return value


def effective(name):
    """Recipe of a config, which must exist, in the form of the tables."""
    values = comparable(recipe(Config.fromfile(CONFIGS / f'{name}.py')))
    last = values['schedule'][-1]
    values.update(
        schedule=last['type'],
        min_lr=last.get('min_lr'),
        warmup_epochs=(values['warmup'] or {}).get('epochs', 0))
    return values


def agrees(found, printed):
    if isinstance(printed, tuple):
        return found in printed
    if isinstance(printed, float):
        return found == pytest.approx(printed)
    return found == printed


def test_every_table_is_covered():
    # Tables 8 to 13, V1's Table 5, COCO, ADE20K.
    kinds = [name.split('_')[0] for name in TABLES]
    assert {kind: kinds.count(kind) for kind in kinds} == dict(
        fcmae=16, convnextv2=26, convnextv1=2, maskrcnn=10, cascade=8,
        upernet=9)


@pytest.mark.parametrize('name', TABLES)
def test_recipe(name):
    found = effective(name)
    differing = {
        key: f'{found[key]} in the config, {printed} in the paper'
        for key, printed in TABLES[name].items()
        if not agrees(found[key], printed)
    }
    assert differing == {}
