"""Imported by a config, it has everything calculated in float64.

Sums of many processes and of one then differ by rounding alone, far below
any mistake.
"""
import torch

torch.set_default_dtype(torch.float64)
