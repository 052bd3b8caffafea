"""The elements of an XMP packet, their places in its bytes, and changes there; all other bytes stay.

Properties are found by namespace, so that prefixes do not matter. A simple one may be written as an
attribute or as an element.

Source: XMP specification part 1 (Adobe 2012), 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
ROOT, DESCRIPTION = f"{RDF} RDF", f"{RDF} Description"
LONGEST_PACKET = 1 << 24  # bytes; a longer packet is not read
_MOST_NAMES = 1 << 16  # of elements and attributes; a packet with more is not read
_DEEPEST = 5  # elements around a list, itself included
_LONGEST_VALUE = 256  # characters of a value that is read
_VALUE = rb"(?:\"[^\"<]*\"|'[^'<]*')"
_ATTRIBUTE = re.compile(rb"\s+([^\s=<>/\"']+)\s*=\s*(%s)" % _VALUE)
_TAG = re.compile(rb"<([^\s<>/]+)(?:\s+[^\s=<>/\"']+\s*=\s*%s)*\s*(/?)>" % _VALUE)


@dataclass(frozen=True)
class Element:
    """An element of a packet; names are namespace, space, local name."""

    path: tuple[str, ...]  # names of the elements around it, outermost first, and its own
    attributes: Mapping[str, str]
    start: int  # offset of its first byte
    end: int  # offset of its end tag, or of the byte after an empty tag
    text: str  # in it and below, cut off at `_LONGEST_VALUE`
    prefixes: Mapping[str, str]  # names of its attributes as they are written
    parent: int  # offset of the first byte of the element around it; -1 for the outermost


@dataclass(frozen=True)
class Property:
    """A property of the photograph, and where it stands in the packet."""

    name: str
    value: str
    start: int  # first byte, white space before an attribute included
    stop: int  # end, white space behind an element included
    inner: tuple[int, int] | None  # first byte and end of the value; None if it is structured
    owner: Element  # the rdf:Description


def read_elements(packet: bytes) -> list[Element]:
    """List the outer elements of a packet, in the order of their end tags.

    Raises
    ------
    ExpatError
        If it is not well-formed XML in UTF-8, declares a document type, or is too large.
    """
    elements: list[Element] = []
    opened: list[tuple[tuple[str, ...], dict[str, str], int, list[str]]] = []
    count = depth = 0
    parser = expat.ParserCreate("UTF-8", " ")
    parser.namespace_prefixes = True
    parser.buffer_text = True

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal count, depth
        count, depth = count + 1 + len(attributes), depth + 1
        if count > _MOST_NAMES:
            message = "too many elements"
            raise expat.ExpatError(message)
        if depth <= _DEEPEST:
            path = (*(opened[-1][0] if opened else ()), _without_prefix(name))
            opened.append((path, attributes, parser.CurrentByteIndex, []))

    def read(text: str) -> None:
        for *_, parts in opened[2:]:  # a property and its list, even where no x:xmpmeta is around
            if len(parts) < _LONGEST_VALUE:
                parts.append(text[:_LONGEST_VALUE])

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1
        if depth < _DEEPEST:
            path, stated, start, parts = opened.pop()
            values = {_without_prefix(name): value for name, value in stated.items()}
            written = {_without_prefix(name): _as_written(name) for name in stated}
            text = "".join(parts)[:_LONGEST_VALUE].strip()
            end_tag, parent = parser.CurrentByteIndex, opened[-1][2] if opened else -1
            elements.append(Element(path, values, start, end_tag, text, written, parent))

    def refuse(*_: object) -> None:
        message = "a document type has no place in XMP"
        raise expat.ExpatError(message)

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = read
    parser.StartDoctypeDeclHandler = refuse
    sound = packet[: packet.rfind(b">") + 1]
    if b"\0" in sound or len(packet) > LONGEST_PACKET:
        message = "UTF-16, which the parser would recognise, or too long"
        raise expat.ExpatError(message)
    parser.Parse(sound, True)
    return elements


def _without_prefix(name: str) -> str:
    """Return namespace and local name of what expat reports: both, then the prefix."""
    return " ".join(name.split(" ")[:2])


def _as_written(name: str) -> str:
    """Return prefix and local name of what expat reports."""
    parts = name.split(" ")
    return f"{parts[2]}:{parts[1]}" if len(parts) == 3 else parts[-1]


def elements_at(tree: Iterable[Element], *path: str) -> list[Element]:
    """Find the elements whose path ends in the given one."""
    return [each for each in tree if each.path[-len(path) :] == path]


def read_properties(packet: bytes) -> list[Property]:
    """List the properties of the photograph; those of its sources, which are nested, are none.

    Raises
    ------
    ExpatError
        As `read_elements` does.
    """
    tree = read_elements(packet)
    owners = {each.start: each for each in elements_at(tree, ROOT, DESCRIPTION)}
    found = [each for owner in owners.values() for each in _attributes_of(packet, owner)]
    inside = ((each, owners.get(each.parent)) for each in tree)
    return found + [_property_of(packet, each, owner) for each, owner in inside if owner]


def _attributes_of(packet: bytes, owner: Element) -> Iterator[Property]:
    """List the properties that are attributes of a description."""
    names = {written.encode(): name for name, written in owner.prefixes.items()}
    for place in _ATTRIBUTE.finditer(packet, owner.start, start_tag(packet, owner).end()):
        name = names.get(place[1])
        if name is not None and " " in name and not name.startswith(RDF):
            inner = (place.start(2) + 1, place.end(2) - 1)
            yield Property(name, owner.attributes[name], place.start(), place.end(), inner, owner)


def _property_of(packet: bytes, each: Element, owner: Element) -> Property:
    """Describe a property that is an element."""
    tag = start_tag(packet, each)
    stop = tag.end() if tag[2] else packet.index(b">", each.end) + 1
    while packet[stop : stop + 1].isspace():
        stop += 1
    simple = not tag[2] and b"<" not in packet[tag.end() : each.end]
    inner = (tag.end(), each.end) if simple else None
    return Property(each.path[-1], each.text, each.start, stop, inner, owner)


def start_tag(packet: bytes, element: Element) -> re.Match[bytes]:
    """Match the start tag of an element; its groups are the name, and a slash if it is empty.

    Raises
    ------
    ExpatError
        If the tag is not found where the parser found it.
    """
    found = _TAG.match(packet, element.start)
    if found is None:
        message = "a start tag is not where it was"
        raise expat.ExpatError(message)
    return found


def namespaces_of(packet: bytes, element: Element) -> dict[bytes, bytes]:
    """List the namespaces that a start tag declares, as written: the attributes by name."""
    end = start_tag(packet, element).end()
    found = _ATTRIBUTE.finditer(packet, element.start, end)
    return {each[1]: each[2] for each in found if each[1].split(b":")[0] == b"xmlns"}


def replace_spans(packet: bytes, edits: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Replace parts of a packet: first byte, end, new bytes; the parts do not overlap."""
    built, at = [], 0
    for start, stop, content in sorted(edits):
        built += [packet[at:start], content]
        at = stop
    return b"".join(built) + packet[at:]


def insert(packet: bytes, element: Element, content: bytes) -> bytes:
    """Insert content before the end of an element, of an empty tag too."""
    tag = start_tag(packet, element)
    if content and tag[2]:
        content, end = b">" + content + b"</" + tag[1] + b">", tag.start(2)
        return packet[:end] + content + packet[element.end :]
    return packet[: element.end] + content + packet[element.end :]


def reduce_padding(packet: bytes, length: int) -> bytes:
    """Remove white space at the end of a packet, as far as it is longer than `length` bytes."""
    end = max(packet.rfind(b"<?xpacket"), 0)
    padding = end - len(packet[:end].rstrip())
    kept = end - max(0, min(padding, len(packet) - length))
    return packet[:kept] + packet[end:]


def as_utf8(packet: bytes) -> bytes:
    """Convert a packet in UTF-16, which XMP allows outside of JPEG; any other stays as it is."""
    encodings = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
    encodings |= dict.fromkeys((b"\xff\xfe", b"\xfe\xff"), "utf-16")
    encoding = encodings.get(packet[:2])
    try:
        return packet.decode(encoding).encode() if encoding else packet
    except UnicodeError:
        return packet
