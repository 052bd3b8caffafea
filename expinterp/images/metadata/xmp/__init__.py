"""XMP packets: what they state, and changing it."""

from expinterp.images.metadata.xmp.history import EVENT, state_history
from expinterp.images.metadata.xmp.packet import LONGEST_PACKET, RDF
from expinterp.images.metadata.xmp.properties import block_of_packet, fit, left_out, state_time

__all__ = [
    "EVENT",
    "LONGEST_PACKET",
    "RDF",
    "block_of_packet",
    "fit",
    "left_out",
    "state_history",
    "state_time",
]
