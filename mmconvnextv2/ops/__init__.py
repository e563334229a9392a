"""Operators that PyTorch does not have, or not fast enough.

``dispatch.py`` chooses among them.
"""
