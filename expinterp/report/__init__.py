"""One self-contained page of HTML from the journal of a batch: no network, nothing beside it."""

from __future__ import annotations

from expinterp.report.writing import write_report

__all__ = ["write_report"]
