"""XML of strangers."""

from __future__ import annotations

import time

import pytest

from abuse.parsers.formats import xmltree
from abuse.parsers.formats.xmltree import XMLError


def test_names_lose_their_prefix_and_texts_their_margins() -> None:
    root, count, is_whole = xmltree.read('<x:a xmlns:x="urn:x" x:k="v"><x:b> one\n two </x:b><b>three</b></x:a>')
    assert (count, is_whole) == (3, True)
    assert (root.name, root.attributes["k"]) == ("a", "v")
    assert root.value("b") == "one two"
    assert [element.text for element in root.below("b")][1] == "three"
    assert root.value("c", "d") == ""


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a [<!ENTITY l "ha"><!ENTITY m "&l;&l;&l;&l;"><!ENTITY n "&m;&m;&m;&m;">]>',
    ],
)
def test_a_document_type_is_refused(declaration: str) -> None:
    with pytest.raises(XMLError, match="declares a document type"):
        xmltree.read(f"<?xml version='1.0'?>{declaration}<a>&x;</a>")


def test_nesting_is_bounded() -> None:
    deep = "<a>" * (xmltree.MAX_DEPTH + 1) + "</a>" * (xmltree.MAX_DEPTH + 1)
    with pytest.raises(XMLError, match=f"deeper than {xmltree.MAX_DEPTH}"):
        xmltree.read(deep)


def test_of_too_many_elements_the_first_are_read() -> None:
    start = time.process_time()
    root, count, is_whole = xmltree.read("<a>" + "<b/>" * (2 * xmltree.MAX_ELEMENTS) + "</a>")
    assert (count, is_whole) == (xmltree.MAX_ELEMENTS, False)
    assert len(root.children) == xmltree.MAX_ELEMENTS - 1
    assert time.process_time() - start < 5


def test_too_many_attributes_are_refused() -> None:
    attributes = " ".join(f'a{number}="x"' for number in range(xmltree.MAX_ATTRIBUTES + 1))
    with pytest.raises(XMLError, match="attributes"):
        xmltree.read(f"<a {attributes}/>")


def test_a_lone_ampersand_is_taken_as_it_stands() -> None:
    root, _, _ = xmltree.read("<a><t>Rock & Roll &amp; more &nbsp;&#65;</t></a>")
    assert root.value("t") == "Rock & Roll & more &nbsp;A"


@pytest.mark.parametrize("text", ["", "no markup", "<a><b></a>", "<a", "<a/><b/>"])
def test_what_is_no_xml_is_said(text: str) -> None:
    with pytest.raises(XMLError, match="no valid XML"):
        xmltree.read(text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>caf\xe9</a>'.encode("latin-1"), "café"),
        ("<a>caf\xe9</a>".encode(), "café"),
        ("<a>caf\xe9</a>".encode("utf-16"), "café"),
        (b'<?xml version="1.0" encoding="rot13"?><a>plain</a>', "plain"),
    ],
)
def test_the_declared_encoding_is_followed_but_chooses_no_other_codec(data: bytes, text: str) -> None:
    assert xmltree.read(xmltree.decoded(data))[0].text == text
