from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abuse.intake.dot_reader import DotReader


def read(*chunks: bytes) -> tuple[bytes, bytes | None]:
    reader = DotReader()
    rest = None
    for number, chunk in enumerate(chunks):
        rest = reader.feed(chunk)
        if rest is not None:
            assert number == len(chunks) - 1, "the end came before the last chunk"
    return reader.result(), rest


def send(mail: bytes) -> bytes:
    """What a client puts on the wire for a mail that ends with CR LF, or is empty."""
    lines = mail.split(b"\r\n")[:-1]
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"


PIECES = st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"a", b"\0", b"\xff", b"\n.\n", b"\r.\r"])


@given(pieces=st.lists(PIECES, max_size=30), size=st.integers(1, 9))
def test_any_mail_cut_anywhere_comes_out_as_it_went_in(pieces: list[bytes], size: int) -> None:
    mail = b"".join(pieces)
    mail += b"\r\n" if mail else b""
    wire = send(mail) + b"NOOP\r\n"
    reader = DotReader()
    for start in range(0, len(wire), size):
        rest = reader.feed(wire[start : start + size])
        if rest is not None:
            assert rest + wire[start + size :] == b"NOOP\r\n"
            break
    else:
        pytest.fail("the end was not found")
    assert reader.result() == mail


def test_an_empty_mail() -> None:
    assert read(b".\r\n") == (b"", b"")
    assert read(b".", b"\r", b"\nQUIT\r\n") == (b"", b"QUIT\r\n")


def test_a_dot_that_a_careless_client_did_not_double_goes_too() -> None:
    assert read(b".a\r\n.b\r\n.\r\n") == (b"a\r\nb\r\n", b"")


def test_what_is_discarded_takes_no_room_and_the_end_is_still_found() -> None:
    reader = DotReader()
    assert reader.feed(b"abc\r\n") is None
    assert reader.size == 5
    reader.discard()
    assert reader.feed(b"def\r") is None
    assert reader.size == 0
    assert reader.feed(b"\n.\r\nx") == b"x"


def test_the_longest_line_is_measured_across_chunks() -> None:
    reader = DotReader()
    for chunk in (b"12345\r\n1", b"2345678", b"90\r\n12"):
        reader.feed(chunk)
    assert reader.longest_line == 12
