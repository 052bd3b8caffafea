"""Changing what an XMP packet states; all other bytes stay.

Simple properties are changed by patterns: each is written as name="value" or <name>value</name>.
The history is found by an XML parser, which finds the place of a new entry.

Source of names: XMP specification parts 1 and 2, Exif schema CIPA DC-010.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_BASIC, _MEDIA = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xap/1.0/mm/"
_ROOT, _DESCRIPTION, _SEQUENCE, _ABOUT = (
    f"{RDF} {name}" for name in ("RDF", "Description", "Seq", "about")
)
_HISTORY, _TOOL = f"{_MEDIA} History", f"{_BASIC} CreatorTool"
_DEEPEST = 6  # elements around a history, itself included
_NEW_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()
_EMPTY_TAG = re.compile(rb"<([^\s<>/]+)(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*/>")


def _with_value(xmp: bytes, name: bytes, value: bytes) -> bytes:
    """Replace the value of a simple property wherever it occurs."""
    pattern = rb"(\b%s\s*=\s*[\"'])[^\"'<>]*|(<%s>)[^<]*" % (name, name)
    return re.sub(pattern, lambda found: (found[1] or found[2]) + value, xmp)


def _without(xmp: bytes, name: bytes) -> bytes:
    """Remove a simple or structured property wherever it occurs."""
    xmp = re.sub(rb"\s%s\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')" % name, b"", xmp)
    # After the last closing tag, every opening tag would start a search to the end of the packet.
    last = xmp.rfind(b"</%s>" % name) + len(name) + 3
    pattern = rb"<%s(\s[^<>]*(?<!/))?>.*?</%s>\s*" % (name, name)
    return re.sub(pattern, b"", xmp[:last], flags=re.DOTALL) + xmp[last:]


def fit(xmp: bytes | None, rows: int, cols: int) -> bytes | None:
    """Correct an XMP packet for upright pixels without thumbnails or second images."""
    if xmp is None:
        return None
    for name, value in {
        b"tiff:Orientation": 1,
        b"tiff:ImageWidth": cols,
        b"tiff:ImageLength": rows,
        b"exif:PixelXDimension": cols,
        b"exif:PixelYDimension": rows,
    }.items():
        xmp = _with_value(xmp, name, b"%d" % value)
    for name in (b"xmp:Thumbnails", b"xap:Thumbnails"):
        xmp = _without(xmp, name)
    for name in (b"hdrgm:Version", b"Container:Directory", b"GContainer:Directory"):
        xmp = _without(xmp, name)  # the gain map is lost
    return xmp


def announce_extension(xmp: bytes | None, extension: bytes | None) -> bytes | None:
    """State the sum of the extension of a packet, or that it has none."""
    if xmp is None:
        return None
    if extension is None:
        return _without(xmp, b"xmpNote:HasExtendedXMP")
    return _with_value(xmp, b"xmpNote:HasExtendedXMP", sum_of_extension(extension))


def state_time(xmp: bytes | None, fraction: tuple[int, int] | None) -> bytes | None:
    """Set or remove the exposure time of a packet that has one; remove the compensation."""
    if xmp is None:
        return None
    for name in (b"exif:ShutterSpeedValue", b"exif:ExposureBiasValue"):
        xmp = _without(xmp, name)
    if fraction is None:
        return _without(xmp, b"exif:ExposureTime")
    return _with_value(xmp, b"exif:ExposureTime", b"%d/%d" % fraction)


def sum_of_extension(extension: bytes) -> bytes:
    """Compute the name of an extension: its MD5 sum."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()


@dataclass(frozen=True)
class _Element:
    """An element of a packet; names include the namespace."""

    path: tuple[str, ...]  # names of the elements around it, outermost first, and its own
    attributes: Mapping[str, str]
    start: int  # offset of its first byte
    end: int  # offset of its end tag, or of the byte after an empty tag


def state_history(
    packet: bytes | None, extension: bytes | None, event: bytes, tool: str
) -> tuple[bytes | None, bytes | None]:
    """Append an entry to the history, and set the creator tool where none is stated.

    Without a packet a new one is made. The history may be in the extension. Read-only packets are
    changed too: that word forbids changes in place by programs that do not know the file format.
    `event` is an ``rdf:li`` element that declares its namespaces; `tool` names the program.

    Returns
    -------
    bytes or None, bytes or None
        Packet and extension, unchanged unless both are sound RDF.
    """
    parts = [packet or _NEW_PACKET] + ([extension] if extension else [])
    try:
        trees = [_read_elements(part) for part in parts]
    except expat.ExpatError:
        return packet, extension
    roots = _elements_at(trees[0], _ROOT)
    histories = [_elements_at(tree, _ROOT, _DESCRIPTION, _HISTORY, _SEQUENCE) for tree in trees]
    stated = {name for tree in trees for name in _property_names(tree)}
    if len(roots) != 1 or sum(map(len, histories)) != (_HISTORY in stated):
        return packet, extension
    missing = None if _HISTORY in stated else event, None if _TOOL in stated else tool
    edited = [_insert(parts[0], roots[0], _new_description(trees[0], *missing)), *parts[1:]]
    for number, found in enumerate(histories):
        for sequence in found:
            edited[number] = _insert(edited[number], sequence, event)
    kept = [_reduce_padding(*two) for two in zip(edited, parts, strict=True)]
    return kept[0], kept[1] if extension else extension


def _read_elements(packet: bytes) -> list[_Element]:
    """List the outer elements of a packet.

    Raises
    ------
    ExpatError
        If it is not well-formed XML in UTF-8, or declares a document type.
    """
    elements: list[_Element] = []
    opened: list[tuple[str, Mapping[str, str], int]] = []
    parser = expat.ParserCreate("UTF-8", " ")

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        opened.append((name, attributes, parser.CurrentByteIndex))

    def end(_: str) -> None:
        if len(opened) <= _DEEPEST:
            path = tuple(name for name, _, _ in opened)
            elements.append(_Element(path, *opened[-1][1:], parser.CurrentByteIndex))
        opened.pop()

    def refuse(*_: object) -> None:
        message = "a document type has no place in XMP"
        raise expat.ExpatError(message)

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    sound = packet[: packet.rfind(b">") + 1]
    if b"\0" in sound:
        message = "UTF-16, which the parser would recognise"
        raise expat.ExpatError(message)
    parser.Parse(sound, True)
    return elements


def _elements_at(tree: Iterable[_Element], *path: str) -> list[_Element]:
    """Find the elements whose path ends in the given one."""
    return [each for each in tree if each.path[-len(path) :] == path]


def _property_names(tree: Iterable[_Element]) -> Iterator[str]:
    """List the properties that a packet states, as elements or attributes."""
    for each in tree:
        if each.path[-3:-1] == (_ROOT, _DESCRIPTION):
            yield each.path[-1]
        elif each.path[-2:] == (_ROOT, _DESCRIPTION):
            yield from each.attributes


def _new_description(tree: Iterable[_Element], event: bytes | None, tool: str | None) -> bytes:
    """Build an element with a history and a creator tool, about what the others are about."""
    if event is None and tool is None:
        return b""
    others = _elements_at(tree, _ROOT, _DESCRIPTION)
    stated = others[0].attributes if others else {}
    about = stated.get(_ABOUT, stated.get("about", ""))
    named = f' xmlns:xmp="{_BASIC}" xmp:CreatorTool={quoteattr(tool)}' if tool else ""
    head = f'<rdf:Description xmlns:rdf="{RDF}" rdf:about={quoteattr(about)}{named}>'.encode()
    history = f'<xmpMM:History xmlns:xmpMM="{_MEDIA}"><rdf:Seq>'.encode()
    body = history + event + b"</rdf:Seq></xmpMM:History>" if event else b""
    return head + body + b"</rdf:Description>"


def _insert(packet: bytes, element: _Element, content: bytes) -> bytes:
    """Insert content before the end of an element, of an empty tag too."""
    empty = _EMPTY_TAG.fullmatch(packet, element.start, element.end)
    if content and empty:
        content, end = b">" + content + b"</" + empty[1] + b">", element.end - 2
        return packet[:end] + content + packet[element.end :]
    return packet[: element.end] + content + packet[element.end :]


def _reduce_padding(packet: bytes, before: bytes) -> bytes:
    """Remove white space at the end of a packet, as far as it has become longer."""
    end = max(packet.rfind(b"<?xpacket"), 0)
    padding = end - len(packet[:end].rstrip())
    kept = end - max(0, min(padding, len(packet) - len(before)))
    return packet[:kept] + packet[end:]
