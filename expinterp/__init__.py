"""Exposure interpolation: the photograph between a long and a short exposure."""

__version__ = "0.1.0"
