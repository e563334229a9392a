"""Inference and export; imports mmdet, mmseg and mmpretrain when asked to."""
