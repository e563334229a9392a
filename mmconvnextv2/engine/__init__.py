"""Training: optimiser construction, hooks and sharding."""
from . import hooks
from .hooks import *  # noqa: F403
from .layer_decay import LayerDecayOptimWrapperConstructor
from .sharding import ShardedRunner, ShardedStrategy

__all__ = [
    *hooks.__all__, 'LayerDecayOptimWrapperConstructor', 'ShardedRunner',
    'ShardedStrategy'
]
