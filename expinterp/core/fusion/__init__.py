"""Multi-scale exposure fusion, with virtual exposures between the shots."""

from __future__ import annotations

from expinterp.core.fusion.stack import Method, Stack
from expinterp.core.fusion.weighting import Weighting

__all__ = ["Method", "Stack", "Weighting"]
