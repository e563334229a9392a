"""Paired timings: contenders take turns, so that drift hits all alike."""
import argparse
import statistics
import time
from typing import Callable, Dict, List

from devices import add_device_arguments, synchronize


def alternate(contenders: Dict[str, Callable[[], None]],
              repeats: int = 9,
              warmup: int = 2) -> Dict[str, List[float]]:
    """Time each contender in turn, ``repeats`` times over.

    Args:
        contenders (dict[str, callable]): Name and what to time.
        repeats (int): Counted rounds. Defaults to 9.
        warmup (int): Rounds before them. Defaults to 2.

    Returns:
        dict[str, list[float]]: Seconds of each round.
    """
    seconds: Dict[str, List[float]] = {name: [] for name in contenders}
    for round_ in range(warmup + repeats):
        for name, run in contenders.items():
            synchronize()
            start = time.perf_counter()
            run()
            synchronize()
            if round_ >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(of: List[float], to: List[float]) -> float:
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(of, to))


def one_arch_parser(doc: str) -> argparse.ArgumentParser:
    """Command line of a script that measures one size."""
    parser = argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--arch', default='tiny')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--repeats', type=int, default=5)
    add_device_arguments(parser)
    return parser
