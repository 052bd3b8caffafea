"""Multi-scale exposure fusion, and the virtual exposures that go between the shots."""

from __future__ import annotations

from expinterp.core.fusion.stack import Method, Stack
from expinterp.core.fusion.weighting import Weighting

__all__ = ["Method", "Stack", "Weighting"]
