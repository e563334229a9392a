"""Kernels for GPUs in Triton, each beside its plain PyTorch twin.

Off unless the environment variable ``MMCONVNEXTV2_TRITON`` is 1: a step of few
images is bound by launches, where they gain nothing. Measured on an H100 only
(benchmarks/results/2026-11-27_gpu_h100.md); their numbers are tested there and
in Triton's interpreter, on a CPU. Only ``dispatch.py`` imports the modules
that import Triton, and only when it calls a kernel.
"""
