"""Packets above 64 KiB in a JPEG: a part stays in the packet, the rest is its *extension*.

The packet names the extension by its MD5 sum. In memory and in other formats a packet is whole.

Source: XMP specification part 3 (Adobe 2020), 1.1.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from xml.parsers import expat

from expinterp.images.metadata.xmp.history import subject_of
from expinterp.images.metadata.xmp.packet import (
    DESCRIPTION,
    RDF,
    ROOT,
    Element,
    Property,
    elements_at,
    insert,
    namespaces_of,
    read_elements,
    read_properties,
    reduce_padding,
    replace_spans,
    start_tag,
)
from expinterp.images.metadata.xmp.properties import without_note
from expinterp.text import quote_attribute

_NOTE_ROOM = 400  # bytes of the element that names the extension, at most
_NOTES = "http://ns.adobe.com/xmp/note/"


def join(packet: bytes, extension: bytes) -> bytes | None:
    """Join a packet and its extension; None if they are not well-formed."""
    try:
        tree = {each.start: each for each in read_elements(extension)}
        kept = without_note(packet)
        described = elements_at(tree.values(), ROOT, DESCRIPTION)
        content = b"".join(_standing_alone(extension, tree, each) for each in described)
        (root,) = elements_at(read_elements(kept), ROOT)
        joined = insert(kept, root, content)
        read_elements(joined)
    except (expat.ExpatError, ValueError):
        return None
    return joined


def _standing_alone(packet: bytes, tree: Mapping[int, Element], each: Element) -> bytes:
    """Copy a description with all namespaces that are declared around it."""
    tag = start_tag(packet, each)
    own = namespaces_of(packet, each)
    around = _namespaces_around(packet, tree, each)
    declared = b"".join(b" %s=%s" % item for item in around.items() if item[0] not in own)
    stop = tag.end() if tag[2] else packet.index(b">", each.end) + 1
    return packet[each.start : tag.end(1)] + declared + packet[tag.end(1) : stop]


def _namespaces_around(
    packet: bytes, tree: Mapping[int, Element], inner: Element
) -> dict[bytes, bytes]:
    """List the namespaces that are declared in the elements around one; `tree` is by offset."""
    found: dict[bytes, bytes] = {}
    while inner.parent in tree:
        inner = tree[inner.parent]
        found = namespaces_of(packet, inner) | found
    return found


def split(packet: bytes, room: int) -> tuple[bytes, bytes | None] | None:
    """Divide a packet, so that its first part has at most `room` bytes; None if that fails.

    The largest properties go into the extension.
    """
    packet = reduce_padding(packet, room)
    if len(packet) <= room:
        return packet, None
    try:
        tree = {each.start: each for each in read_elements(packet)}
        properties = read_properties(packet)
    except expat.ExpatError:
        return None
    moved, left = [], len(packet) + _NOTE_ROOM
    for each in sorted(properties, key=lambda each: each.start - each.stop):
        if left > room:
            moved.append(each)
            left -= each.stop - each.start
    roots = elements_at(tree.values(), ROOT)
    if left > room or len(roots) != 1:
        return None
    extension = _extension_of(packet, tree, moved)
    about = quote_attribute(subject_of(tree.values()))
    note = (
        f'<rdf:Description xmlns:rdf="{RDF}" rdf:about={about} xmlns:xmpNote="{_NOTES}" '
        f'xmpNote:HasExtendedXMP="{sum_of(extension).decode()}"/>'
    )
    noted = insert(packet, roots[0], note.encode())  # behind all that is moved
    main = replace_spans(noted, [(each.start, each.stop, b"") for each in moved])
    return (main, extension) if len(main) <= room else None


def _extension_of(packet: bytes, tree: Mapping[int, Element], moved: list[Property]) -> bytes:
    """Build an extension of some properties of a packet."""
    built = [f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'.encode()]
    about = quote_attribute(subject_of(tree.values())).encode()
    owners = {each.owner.start: each.owner for each in moved}
    declared_in = {
        start: _namespaces_around(packet, tree, owner) | namespaces_of(packet, owner)
        for start, owner in owners.items()
    }
    for each in moved:
        known = {**declared_in[each.owner.start]}
        known[b"xmlns:rdf"] = b'"%s"' % RDF.encode()
        declared = b"".join(b" %s=%s" % item for item in known.items())
        head = b"<rdf:Description rdf:about=" + about + declared
        text = packet[each.start : each.stop].rstrip()
        is_attribute = text[:1].isspace()
        built.append(head + (text + b"/>" if is_attribute else b">" + text + b"</rdf:Description>"))
    return b"".join((*built, b"</rdf:RDF></x:xmpmeta>"))


def sum_of(extension: bytes) -> bytes:
    """Compute the name of an extension: its MD5 sum."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
