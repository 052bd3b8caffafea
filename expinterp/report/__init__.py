"""The report of a batch: one HTML page, made from its journal, that needs nothing else."""

from __future__ import annotations

from expinterp.report.writing import write_report

__all__ = ["write_report"]
