"""Reading and writing photographs of all formats that `formats` lists.

Pixels are read upright, with the depth of the file. Metadata are read as blocks of bytes. On
writing, only what is not true for the new pixels changes in them.
"""

from __future__ import annotations

from expinterp.images.developing.development import Development
from expinterp.images.formats import FORMATS, OUTPUTS, image_format
from expinterp.images.header import Header, read_header
from expinterp.images.limits import MAX_PIXELS
from expinterp.images.metadata.exif_edit import with_exposure_time
from expinterp.images.metadata.icc import profile_name
from expinterp.images.metadata.provenance import with_provenance
from expinterp.images.photograph import Metadata, Photograph, Pixels
from expinterp.images.radiance_files import (
    Depth,
    check_radiance_target,
    radiance_format,
    write_radiance,
)
from expinterp.images.read import (
    Reading,
    balance_alike,
    holds_light,
    import_codec,
    read_photograph,
    read_photographs,
    ready_sources,
)
from expinterp.images.write import (
    QUALITY,
    check_profile,
    check_sides,
    check_target,
    to_depth,
    write_photograph,
)

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "OUTPUTS",
    "QUALITY",
    "Depth",
    "Development",
    "Header",
    "Metadata",
    "Photograph",
    "Pixels",
    "Reading",
    "balance_alike",
    "check_profile",
    "check_radiance_target",
    "check_sides",
    "check_target",
    "holds_light",
    "image_format",
    "import_codec",
    "profile_name",
    "radiance_format",
    "read_header",
    "read_photograph",
    "read_photographs",
    "ready_sources",
    "to_depth",
    "with_exposure_time",
    "with_provenance",
    "write_photograph",
    "write_radiance",
]
