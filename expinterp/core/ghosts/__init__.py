"""Ghosts: where shots of a scene contradict each other since things moved, and what is done there.

A region that moved is taken whole from one shot; the other shots get there what this one says that
they must be. `sources` holds the result, `picture` draws it.
"""

from __future__ import annotations

from expinterp.core.ghosts.sources import Ghosts, explain_ghosts

__all__ = ["Ghosts", "explain_ghosts"]
