"""How a model is spread over processes, beyond data parallelism."""
from .sharded_strategy import ShardedStrategy
from .sharding import is_sharded, whole_model
from .wrapping import wrap_modules

__all__ = ['ShardedStrategy', 'is_sharded', 'whole_model', 'wrap_modules']
