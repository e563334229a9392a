"""Paired timings: contenders take turns, so that drift hits all alike."""
import platform
import statistics
import time
from typing import Callable, Dict, List

import torch


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
            _synchronize()
            start = time.perf_counter()
            run()
            _synchronize()
            if round_ >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def ratio(of: List[float], to: List[float]) -> float:
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(of, to))


def machine() -> str:
    """One line about what the timings were taken on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else (
        f'CPU, {torch.get_num_threads()} threads')
    return f'{device}, torch {torch.__version__}, {platform.machine()}'
