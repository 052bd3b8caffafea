"""The history of an XMP packet: a new entry is appended.

Source of names: XMP specification part 2 (Adobe 2016), media management.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.parsers import expat

from expinterp.images.metadata.xmp.packet import (
    DESCRIPTION,
    RDF,
    ROOT,
    Element,
    as_utf8,
    elements_at,
    insert,
    read_elements,
    reduce_padding,
)
from expinterp.text import quote_attribute

EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_BASIC, _MEDIA = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xap/1.0/mm/"
_SEQUENCE, _ABOUT = f"{RDF} Seq", f"{RDF} about"
_HISTORY, _TOOL = f"{_MEDIA} History", f"{_BASIC} CreatorTool"
_NEW_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()


def state_history(packet: bytes | None, event: bytes, tool: str) -> bytes | None:
    """Append an entry to the history, and set the creator tool where none is stated.

    Without a packet a new one is made. Read-only packets are changed too: that word forbids changes
    in place by programs that do not know the file format. `event` is an ``rdf:li`` element that
    declares its namespaces; `tool` names the program. A packet that is not sound RDF stays as it is.
    """
    before = as_utf8(packet or _NEW_PACKET)
    try:
        tree = read_elements(before)
        roots = elements_at(tree, ROOT)
        histories = elements_at(tree, ROOT, DESCRIPTION, _HISTORY, _SEQUENCE)
        stated = {*_property_names(tree)}
        if len(roots) != 1 or len(histories) != (_HISTORY in stated):
            return packet
        missing = None if _HISTORY in stated else event, None if _TOOL in stated else tool
        edited = insert(before, roots[0], _new_description(tree, *missing))
        for sequence in histories:
            edited = insert(edited, sequence, event)
    except expat.ExpatError:
        return packet
    return reduce_padding(edited, len(before))


def _property_names(tree: Iterable[Element]) -> Iterator[str]:
    """List the properties that a packet states, as elements or attributes."""
    for each in tree:
        if each.path[-3:-1] == (ROOT, DESCRIPTION):
            yield each.path[-1]
        elif each.path[-2:] == (ROOT, DESCRIPTION):
            yield from each.attributes


def _new_description(tree: Iterable[Element], event: bytes | None, tool: str | None) -> bytes:
    """Build an element with a history and a creator tool, about what the others are about."""
    if event is None and tool is None:
        return b""
    named = f' xmlns:xmp="{_BASIC}" xmp:CreatorTool={quote_attribute(tool)}' if tool else ""
    about = quote_attribute(subject_of(tree))
    head = f'<rdf:Description xmlns:rdf="{RDF}" rdf:about={about}{named}>'.encode()
    history = f'<xmpMM:History xmlns:xmpMM="{_MEDIA}"><rdf:Seq>'.encode()
    body = history + event + b"</rdf:Seq></xmpMM:History>" if event else b""
    return head + body + b"</rdf:Description>"


def subject_of(tree: Iterable[Element]) -> str:
    """Return what the first description is about; nothing, usually."""
    others = elements_at(tree, ROOT, DESCRIPTION)
    stated = others[0].attributes if others else {}
    return stated.get(_ABOUT, stated.get("about", ""))
