"""The recipes that configs come to, against the papers' tables."""
import pytest
from config_run import LEAVES
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
    values = comparable(recipe(Config.fromfile(LEAVES[name])))
    last = values['schedule'][-1]
    values.update(
        schedule=last['type'],
        min_lr=last.get('min_lr'),
        warmup_length=next(iter((values['warmup'] or {0: 0}).values())))
    return values


def agrees(key, found, printed):
    if key == 'weights' and printed:
        return printed in found
    if isinstance(printed, float):
        return found == pytest.approx(printed)
    return found == printed


def test_every_leaf_is_in_the_tables():
    # Sharded ones have a plain config's recipe: test_sharded_configs.py.
    assert set(TABLES) == {x for x in LEAVES if '_fsdp_' not in x
                           and not x.endswith('_shapes')}


@pytest.mark.parametrize('name', TABLES)
def test_recipe(name):
    found = effective(name)
    differing = {
        key: f'{found[key]} in the config, {printed} in the paper'
        for key, printed in TABLES[name].items()
        if not agrees(key, found[key], printed)
    }
    assert differing == {}
