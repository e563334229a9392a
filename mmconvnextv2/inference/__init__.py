"""Inference and export; imports mmdet, mmseg and mmpretrain when asked to."""
from .predict import Predictor, build_predictor
from .results import Prediction

__all__ = ['Prediction', 'Predictor', 'build_predictor']
