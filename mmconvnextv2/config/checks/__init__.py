"""Mistakes in a config, told by the key that they sit at.

Three nets, from the outside in. :mod:`reading`: the file can be executed and
merged. :mod:`values`, :mod:`names`: what is certain to fail, or to be ignored,
is refused before anything is built. :mod:`explaining`: whatever else fails
while the run is built, or in its first step, is traced back to the part of the
config that it came from. So what is unusual but works is never in the way.
"""
from .explaining import ConfigFault, explain
from .mistakes import Mistake
from .names import name_mistakes
from .reading import ConfigFileError, read_config
from .values import value_mistakes

__all__ = [
    'ConfigFault', 'ConfigFileError', 'Mistake', 'explain', 'name_mistakes',
    'read_config', 'value_mistakes'
]
