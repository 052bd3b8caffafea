"""What an XMP packet states about the exposure and the pixels: read, and corrected.

Source of names: XMP specification parts 1 and 2, Exif schema CIPA DC-010; gain maps: Adobe 2022;
motion photos, containers, depth: developer.android.com/media/platform/motion-photo-format and
developers.google.com/depthmap-metadata.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from xml.parsers import expat

from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.xmp.packet import Property, as_utf8, read_properties, replace_spans

_BASIC, _TIFF, _EXIF = (f"http://ns.adobe.com/{name}/1.0/ " for name in ("xap", "tiff", "exif"))
_EXIF_EX, _AUX = "http://cipa.jp/exif/1.0/ ", "http://ns.adobe.com/exif/1.0/aux/ "
_TIME, _SHUTTER, _BIAS = (
    f"{_EXIF}{name}" for name in ("ExposureTime", "ShutterSpeedValue", "ExposureBiasValue")
)
_NOTE = "http://ns.adobe.com/xmp/note/ HasExtendedXMP"
# Namespaces that describe a second picture, depth or a video in the file, which are left out.
_OF_THE_FILE = {
    "http://ns.adobe.com/hdr-gain-map/1.0/": "a gain map",
    "http://ns.apple.com/HDRGainMap/1.0/": "a gain map",
    "http://ns.google.com/photos/1.0/depthmap/": "a depth map",
    "http://ns.google.com/photos/dd/1.0/": "a depth map",
    "http://ns.apple.com/depthData/1.0/": "a depth map",
    "http://ns.google.com/photos/1.0/image/": "a second picture",
    "http://ns.google.com/photos/1.0/audio/": "a sound",
    "http://ns.google.com/photos/1.0/container/": "",
    "http://ns.apple.com/pixeldatainfo/1.0/": "",
    "http://ns.oplus.com/photos/1.0/camera/": "",
    "http://ns.xiaomi.com/photos/1.0/camera/": "",
}
_SEMANTICS = {b"MotionPhoto": "a video", b"GainMap": "a gain map", b"Depth": "a depth map"}
_ITEM = re.compile(rb":Semantic\s*(?:=\s*[\"']|>\s*)(\w+)")  # in a container, at any depth
_VIDEO = ("MotionPhoto", "MicroVideo")  # first letters of local names, in several namespaces
_UNTRUE = re.compile(
    rb"Orientation|ImageWidth|PixelXDimension|Exposure|Thumbnails|MotionPhoto|MicroVideo|"
    rb"hdr-gain-map|/photos/1\.0/"
)
# Where EXIF would state what a packet states.
_AS_EXIF = {
    f"{_TIFF}Orientation": tags.ORIENTATION,
    f"{_TIFF}Make": tags.MAKE,
    f"{_TIFF}Model": tags.MODEL,
    _TIME: tags.EXPOSURE_TIME,
    _SHUTTER: tags.SHUTTER_SPEED,
    _BIAS: tags.EXPOSURE_BIAS,
    f"{_EXIF}FNumber": tags.F_NUMBER,
    f"{_EXIF}ApertureValue": tags.APERTURE,
    f"{_EXIF}ISOSpeedRatings": tags.ISO,
    f"{_EXIF_EX}PhotographicSensitivity": tags.ISO,
    f"{_EXIF_EX}RecommendedExposureIndex": tags.EXPOSURE_INDEX,
    f"{_EXIF_EX}ISOSpeed": tags.ISO_SPEED,
    f"{_EXIF}FocalLength": tags.FOCAL_LENGTH,
    f"{_EXIF}ExposureMode": tags.EXPOSURE_MODE,
    f"{_EXIF_EX}BodySerialNumber": tags.SERIAL_NUMBER,
    f"{_AUX}SerialNumber": tags.SERIAL_NUMBER,
    f"{_EXIF}DateTimeOriginal": tags.ORIGINAL,
    "http://ns.adobe.com/photoshop/1.0/ DateCreated": tags.ORIGINAL,
    f"{_EXIF}DateTimeDigitized": tags.DIGITISED,
    f"{_BASIC}CreateDate": tags.DIGITISED,
}


def block_of_packet(packet: bytes | None) -> bytes | None:
    """Build an EXIF block of texts with what a packet states about the shot; None if nothing."""
    try:
        properties = read_properties(as_utf8(packet)) if packet else []
    except expat.ExpatError:
        return None
    stated: dict[int, str] = {}
    for name, tag in _AS_EXIF.items():
        values = [each.value for each in properties if each.name == name and each.value]
        if values:
            stated.setdefault(tag, values[0])
    block = bytearray(ifd.EMPTY_BLOCK)
    texts = {tag: (ifd.ASCII, text.encode() + b"\0") for tag, text in stated.items()}
    ifd.add_fields(block, ifd.FIRST_POINTER, texts)
    return bytes(block) if texts else None


def left_out(packet: bytes | None) -> set[str]:
    """Return what a packet says that the file holds besides the picture, such as ``a video``."""
    try:
        properties = read_properties(as_utf8(packet)) if packet else []
    except expat.ExpatError:
        return set()
    items = {_SEMANTICS.get(word) for word in _ITEM.findall(packet or b"")}
    return {what for what in ({_named(each.name) for each in properties} | items) if what}


def _named(name: str) -> str | None:
    """Return what a property of the file is about; None if the property is of the photograph."""
    namespace, _, local = name.rpartition(" ")
    if local.startswith(_VIDEO):
        return "a video"
    return next((what for start, what in _OF_THE_FILE.items() if namespace.startswith(start)), None)


def fit(packet: bytes, rows: int, cols: int) -> bytes | None:
    """Correct a packet for upright pixels without thumbnails, second pictures or a video.

    None if the packet is not well-formed and may state what is not true.
    """
    sizes = {
        f"{_TIFF}Orientation": 1,
        f"{_TIFF}ImageWidth": cols,
        f"{_TIFF}ImageLength": rows,
        f"{_EXIF}PixelXDimension": cols,
        f"{_EXIF}PixelYDimension": rows,
    }

    def value_of(each: Property) -> str | None:
        if each.name in sizes:
            return str(sizes[each.name])
        untrue = each.name in {f"{_BASIC}Thumbnails", _NOTE} or _named(each.name) is not None
        return None if untrue else each.value

    try:
        return _edit(as_utf8(packet), value_of)
    except expat.ExpatError:
        return None if _UNTRUE.search(packet.replace(b"\0", b"")) else packet


def state_time(
    packet: bytes | None, fraction: tuple[int, int] | None, stops: float | None
) -> bytes | None:
    """Correct the exposure that a packet states; what is not known is removed.

    `fraction` is the new time in seconds, `stops` by how much the exposure grew. A packet that is
    not well-formed stays as it is.
    """
    shutter = None if fraction is None else round(-math.log2(fraction[0] / fraction[1]) * 1e6)
    known = {
        _TIME: None if fraction is None else f"{fraction[0]}/{fraction[1]}",
        _SHUTTER: None if shutter is None else f"{shutter}/1000000",
    }

    def value_of(each: Property) -> str | None:
        if each.name == _BIAS:
            return _shifted(each.value, stops)
        return known.get(each.name, each.value)

    try:
        return packet and _edit(as_utf8(packet), value_of)
    except expat.ExpatError:
        return packet


def _shifted(value: str, stops: float | None) -> str | None:
    """Add stops to a compensation such as ``-1/3``; None if one of both is not known."""
    try:
        bias = float(Fraction(value.replace(" ", "")))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    known = stops is not None and abs(bias) <= tags.LARGEST_BIAS
    return "{}/{}".format(*tags.bias_as_fraction(bias + (stops or 0.0))) if known else None


def _edit(packet: bytes, value_of: Callable[[Property], str | None]) -> bytes:
    """Change the values of simple properties, and remove properties where the new value is None."""
    edits = []
    for each in read_properties(packet):
        value = value_of(each)
        if value is None:
            edits.append((each.start, each.stop, b""))
        elif value != each.value and each.inner is not None:
            edits.append((*each.inner, value.encode()))
    return replace_spans(packet, edits) if edits else packet


def without_note(packet: bytes) -> bytes:
    """Remove the note that a packet has an extension."""
    return _edit(packet, lambda each: None if each.name == _NOTE else each.value)
