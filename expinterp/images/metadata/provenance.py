"""Stating in the metadata of a computed photograph which program made it, and how.

EXIF has ``ProcessingSoftware`` for this. XMP has a history, to which an entry is appended. Nothing
depends on the time of day, so the same inputs give the same bytes.

Source: tag 0x000B as Exiv2 and ExifTool document it; XMP specification part 2 (Adobe 2016),
ResourceEvent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from expinterp import __version__
from expinterp.images.metadata import ifd, tags, xmp
from expinterp.images.metadata.exif import find_thumbnail, read_directories
from expinterp.images.metadata.exif_edit import used_spans
from expinterp.images.metadata.exif_repair import sound
from expinterp.images.metadata.jpeg_metadata import LONGEST_EXIF
from expinterp.images.photograph import Metadata
from expinterp.text import quote_attribute

NAME = "expinterp "
PROGRAM = f"{NAME}{__version__}"
_VALUE = PROGRAM.encode() + b"\0"


def with_provenance(metadata: Metadata, *, action: str, parameters: str) -> Metadata:
    """State that this program computed the photograph.

    EXIF ``ProcessingSoftware`` names the program and its version. ``Software``, the firmware of
    the camera or a raw converter, stays; where it is missing, it names the program too. An
    entry is appended to the XMP history, and ``xmp:CreatorTool`` is set where it is missing.
    Missing blocks are created. Some stay as they are: an XMP packet that is not valid RDF, and an EXIF block
    that would become too long for a JPEG.

    Parameters
    ----------
    metadata : Metadata
        Those of the shot from which the photograph was computed.
    action : str
        ``derived`` for a virtual exposure, ``produced`` for a fused photograph.
    parameters : str
        The command and its settings, such as ``fuse: 3 exposures``.
    """
    metadata = sound(metadata)
    exif = _state_software(metadata.exif or ifd.EMPTY_BLOCK)
    event = _event(action, parameters)
    packet = xmp.state_history(metadata.xmp, event, PROGRAM)
    return replace(metadata, exif=exif, xmp=packet)


def _state_software(exif: bytes) -> bytes:
    """Name the program in the first directory; the same bytes if it is named there already."""
    _, first, _ = read_directories(exif)
    stated = {tag: ifd.read_bytes(exif, field) for tag, field in first.fields.items()}
    names = {}
    if stated.get(tags.PROCESSING_SOFTWARE) != _VALUE:
        names[tags.PROCESSING_SOFTWARE] = (ifd.ASCII, _VALUE)
    if not stated.get(tags.SOFTWARE, b"").strip(b" \0"):
        names[tags.SOFTWARE] = (ifd.ASCII, _VALUE)
    if not names:
        return exif
    block = bytearray(exif)
    ifd.add_fields(block, ifd.FIRST_POINTER, names)
    if len(block) > LONGEST_EXIF >= len(exif):
        at = next(_unused_places(exif, len(block) - len(exif) + 1), None)
        block = bytearray(exif)
        if at is not None:
            ifd.add_fields(block, ifd.FIRST_POINTER, names, at=at)
    return bytes(block)


def _unused_places(exif: bytes, size: int) -> Iterator[int]:
    """Find offsets of `size` bytes that may be overwritten: padding at the end, the thumbnail.

    Cameras pad a block until it fills a JPEG segment. The thumbnail does not show the computed
    photograph.
    """
    used = used_spans(exif)
    padding = max(len(exif.rstrip(b"\0")), *(stop for _, stop in used))
    for start, stop in ((padding, len(exif)), find_thumbnail(exif)):
        end = start + size
        if end <= stop and not any(first < end and start < last for first, last in used):
            yield start


def _event(action: str, parameters: str) -> bytes:
    """Build an entry of the history."""
    values = {"action": action, "softwareAgent": PROGRAM, "parameters": parameters}
    stated = " ".join(f"stEvt:{name}={quote_attribute(value)}" for name, value in values.items())
    return f'<rdf:li xmlns:rdf="{xmp.RDF}" xmlns:stEvt="{xmp.EVENT}" {stated}/>'.encode()
