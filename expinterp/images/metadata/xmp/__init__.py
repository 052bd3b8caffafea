"""XMP packets: what they state, and changing it."""

from expinterp.images.metadata.xmp.properties import (
    EVENT,
    RDF,
    announce_extension,
    fit,
    state_history,
    state_time,
    sum_of_extension,
)

__all__ = [
    "EVENT",
    "RDF",
    "announce_extension",
    "fit",
    "state_history",
    "state_time",
    "sum_of_extension",
]
