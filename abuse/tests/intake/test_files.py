"""Files, mbox, Maildir, trees and standard input."""

from __future__ import annotations

import io
import mailbox
import os
import tracemalloc
from pathlib import Path
from typing import IO, Any

import pytest

from abuse.intake import files, mbox
from abuse.intake.files import iter_messages, total_bytes

Failures = list[tuple[str, Exception]]


def read(*paths: Path | str, stdin: bytes = b"") -> tuple[list[tuple[str, bytes]], Failures]:
    failures: Failures = []
    mails = list(
        iter_messages(
            [str(path) for path in paths],
            report=lambda source, error: failures.append((source, error)),
            standard_input=io.BytesIO(stdin),
        )
    )
    return mails, failures


def test_a_single_file_is_one_mail_unchanged(tmp_path: Path) -> None:
    raw = b"Subject: \xe9\x00\r\n\r\nbare\rx\n"
    (tmp_path / "a.eml").write_bytes(raw)
    assert read(tmp_path / "a.eml") == ([(str(tmp_path / "a.eml"), raw)], [])


def test_standard_input_is_a_mail_or_an_mbox() -> None:
    assert read("-", stdin=b"Subject: x\n\ny") == ([("standard input", b"Subject: x\n\ny")], [])
    mails, _ = read("-", stdin=b"From a@b Thu Jan  1 00:00:00 1970\nA: 1\n\n1\n\nFrom c@d\nA: 2\n\n2\n")
    assert mails == [("standard input, mail 1", b"A: 1\n\n1\n"), ("standard input, mail 2", b"A: 2\n\n2\n")]


def test_a_tree_is_read_sorted_to_the_bottom_and_the_unreadable_stops_nothing(tmp_path: Path) -> None:
    for name in ("b/2.eml", "b/1.eml", "a/x/deep.eml", "c.eml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "b" / "0-dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "b" / "9-pipe")
    (tmp_path / "b" / "3-empty").touch()
    mails, failures = read(tmp_path, tmp_path / "missing.eml")
    assert [raw for _, raw in mails] == [b"c.eml", b"a/x/deep.eml", b"b/1.eml", b"b/2.eml"]
    assert [Path(source).name for source, _ in failures] == ["0-dangling", "3-empty", "9-pipe", "missing.eml"]


def test_a_file_of_another_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1").write_bytes(b"one")
    (tmp_path / "2").write_bytes(b"two")
    really_open = Path.open

    def refuse(self: Path, mode: str) -> IO[Any]:
        # Root may read everything, so the refusal is made here.
        if self.name == "1":
            raise PermissionError(13, "Permission denied", str(self))
        return really_open(self, mode)

    monkeypatch.setattr(Path, "open", refuse)
    mails, failures = read(tmp_path)
    assert [raw for _, raw in mails] == [b"two"]
    assert isinstance(failures[0][1], PermissionError)


def test_names_that_are_no_utf8_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.eml")).write_bytes(b"x")
    mails, _ = read(tmp_path)
    assert mails[0][0].endswith("/\\xff.eml")
    mails[0][0].encode("utf-8")


def test_a_maildir_gives_new_and_cur_not_tmp_and_stays_as_it_was(tmp_path: Path) -> None:
    box = mailbox.Maildir(str(tmp_path / "Maildir"), create=True)
    box.add(b"A: new\n\n")
    read_mail = mailbox.MaildirMessage(b"A: cur\n\n")
    read_mail.set_subdir("cur")
    read_mail.set_flags("S")
    box.add(read_mail)
    sub = box.add_folder("Old")
    sub.add(b"A: sub\n\n")
    (tmp_path / "Maildir" / "tmp" / "half").write_bytes(b"A: half")
    (tmp_path / "Maildir" / "dovecot-uidlist").write_bytes(b"3 V1 N2")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    mails, failures = read(tmp_path / "Maildir")
    assert sorted(raw for _, raw in mails) == [b"A: cur\n\n", b"A: new\n\n", b"A: sub\n\n"]
    assert failures == []
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


MBOXES = [
    b"From a@b Thu Jan  1 00:00:00 1970\nA: 1\n\nbody\n\nFrom c@d Thu Jan  1 00:00:00 1970\nA: 2\n\nbody\n",
    b"From a@b x\nA: 1\n\nbody\n>From quoted\n>>From twice\n\n\n\nFrom c@d x\nA: 2\n\nno end of line",
    b"From a@b x\r\nA: 1\r\n\r\nbody\r\n",
    b"From a\n\nFrom b\n\nFrom c\nX: y\n\n",
    b"From a@b " + b"x" * 3_000_000 + b"\nA: 1\n\n" + b"y" * 2_500_000 + b"\n\nFrom z\nA: 2\n\n",
    b"From a",
]


@pytest.mark.parametrize("content", MBOXES, ids=range(len(MBOXES)))
def test_an_mbox_is_split_as_the_standard_library_does(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "box"
    path.write_bytes(content)
    box = mailbox.mbox(str(path), create=False)
    expected = [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118
    box.close()
    ours = [raw for _, raw in read(path)[0]]
    # The library drops one empty line before a "From " line; at the end of the file there is no such line.
    assert [raw.rstrip(b"\r\n") for raw in ours] == [raw.rstrip(b"\r\n") for raw in expected]
    assert b"".join(ours).replace(b"\r\n", b"\n").count(b"A: ") == content.count(b"A: ")


def test_mbox_bytes_are_left_alone_quoting_included(tmp_path: Path) -> None:
    path = tmp_path / "box"
    path.write_bytes(b"From a\nA: 1\n\n>From here\nFrom within a paragraph\n\n\n\nFrom b\nA: \xff\x00\n\nlast\n\n")
    assert [raw for _, raw in read(path)[0]] == [
        b"A: 1\n\n>From here\nFrom within a paragraph\n\n\n",
        b"A: \xff\x00\n\nlast\n",
    ]


def test_a_line_that_only_looks_like_a_start_because_it_was_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox, "_PIECE", 8)
    content = b"a\nX: 12\n\n12345678From not a start\n\nFrom b long long line\nY: 2\n\n"
    assert list(mbox.split_mbox(io.BytesIO(content), largest=1000)) == [
        b"X: 12\n\n12345678From not a start\n",
        b"Y: 2\n",
    ]


def test_a_mail_that_is_too_big_is_reported_and_the_next_one_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "LARGEST_MAIL", 100)
    path = tmp_path / "box"
    path.write_bytes(b"From a\n" + b"x" * 50 + b"\n" + b"x" * 50 + b"\n\nFrom b\nA: 2\n\n")
    (tmp_path / "single").write_bytes(b"x" * 101)
    mails, failures = read(path, tmp_path / "single")
    assert [raw for _, raw in mails] == [b"A: 2\n"]
    assert [source for source, _ in failures] == [f"{path}, mail 1", str(tmp_path / "single")]


def test_a_big_mbox_needs_the_memory_of_its_biggest_mail_only(tmp_path: Path) -> None:
    path = tmp_path / "box"
    mail = b"From a\nSubject: x\n\n" + b"0123456789abcdef" * 4096 * 4 + b"\n\n"
    with path.open("wb") as file:
        for _ in range(400):
            file.write(mail)
    assert path.stat().st_size > 100_000_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in iter_messages([str(path)]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 400
    assert peak < 10 * len(mail)


def test_the_size_for_the_progress_bar(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"12345")
    (tmp_path / "2").write_bytes(b"123")
    assert total_bytes([str(tmp_path), str(tmp_path / "1"), "-", str(tmp_path / "none")]) == 13
