"""Random mails and feeds, a few of each engine of `fuzz`; and what longer runs have found, so that it stays mended."""

from __future__ import annotations

import io
import json
import multiprocessing
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta, timezone
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from abuse.parsers import ItemKind, ParserContext, parse
from abuse.parsers.feeds.reader import FeedReader
from abuse.parsers.templating import read_file
from fuzz import TARGET_NAMES, invariants, mutate, mutations, pieces, samples, seeds, targets
from fuzz.invariants import Violation

from .samples import mail, read, values

FEW = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


class TestRandom:
    @FEW
    @given(pieces.mails())
    def test_mails_of_pieces(self, data: bytes) -> None:
        targets.mail(data)

    @FEW
    @given(pieces.mails())
    def test_mails_of_pieces_read_by_templates(self, data: bytes) -> None:
        targets.template(data)

    @FEW
    @given(pieces.feeds)
    def test_feeds_of_pieces(self, data: bytes) -> None:
        targets.feed(data)

    @pytest.mark.parametrize("target", targets.TARGETS)
    def test_mutated_samples(self, target: str) -> None:
        for number in range(150):
            _, trouble = mutate.run_one(target, 7, number, mutate.build(target, 7, number))
            assert trouble is None, f"bin/fuzz --target {target} --replay 7:{number}\n{trouble.words}"

    @pytest.mark.parametrize("target", targets.TARGETS)
    def test_the_samples_themselves(self, target: str) -> None:
        for sample in seeds.seeds(target):
            targets.TARGETS[target](sample)


class TestMachinery:
    def test_each_target_can_be_asked_for(self) -> None:
        assert tuple(targets.TARGETS) == TARGET_NAMES

    def test_a_number_always_gives_the_same_input(self) -> None:
        assert mutate.build("mail", 3, 41) == mutate.build("mail", 3, 41)
        assert len({mutate.build("mail", 3, number) for number in range(41, 61)}) > 10

    def test_every_change_bears_any_bytes(self) -> None:
        for change in mutations.CHANGES:
            for number, data in enumerate((b"", b"a", bytes(range(256)), samples.mails()[6], samples.feeds()[-1])):
                assert isinstance(change(data, Random(number)), bytes)

    @pytest.mark.parametrize("change", ["value", "raw"])
    def test_what_cannot_be_stored_is_a_violation(self, change: str) -> None:
        parsed = read(mail("http://bad.example.org/ 192.0.2.1"))
        invariants.check(parsed, ParserContext())
        for strange in ("a\0", "\ud800"):
            object.__setattr__(parsed.items[1], change, strange)
            with pytest.raises(Violation):
                invariants.check(parsed, ParserContext())

    def test_a_run_counts_what_it_did(self) -> None:
        figures = mutate.run("text", 5, 60, 2)
        assert (figures.inputs, figures.troubles, figures.deaths) == (60, {}, 0)
        assert figures.cpu_seconds > 0

    def test_a_process_that_dies_is_replaced_and_its_input_kept(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(mutate, "FINDINGS", tmp_path)
        monkeypatch.setattr(mutate, "REPORT_SECONDS", 0.0)
        killed: list[int | None] = []

        def kill(figures: mutate.Figures, _seconds: float) -> None:
            if figures.inputs and not killed:
                (child,) = multiprocessing.active_children()
                child.kill()
                killed.append(child.pid)

        figures = mutate.run("text", 5, 3_000, 1, tell=kill)
        assert (len(killed), figures.deaths) == (1, 1)
        ((trouble,),) = figures.troubles.values()
        assert trouble.words == "the process ended with code -9"
        assert (tmp_path / f"{trouble.name}.bin").read_bytes() == mutate.build("text", 5, trouble.number)
        assert 3_000 > figures.inputs > 1_000, "what the dead process had not told yet is missing, and nothing else"

    def test_what_escapes_is_named_by_its_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mutate, "TARGETS", {"text": _fail})
        _, trouble = mutate.run_one("text", 1, 2, b"")
        assert trouble is not None
        assert trouble.kind.startswith("KeyError in test_fuzz.py:")
        assert trouble.kind.endswith(" _fail")


def _fail(data: bytes) -> None:
    raise KeyError(data)


def _attached(content: bytes, name: str) -> bytes:
    return samples.multipart(samples.NOTE, samples.attached(content, name))


def _every_item(raw: bytes, context: ParserContext) -> Iterator[str]:
    parsed = parse(raw, context)
    assert parsed.feed is not None
    for item in FeedReader(raw, parsed.feed, context):
        yield from (item.value, item.raw)


class TestFound:
    """One test for each fault that was found."""

    def test_a_mail_of_the_year_9999_dates_its_log(self) -> None:
        raw = mail("Mar  4 07:00:00 attack from 192.0.2.1\n", date="Fri, 31 Dec 9999 23:59:59 +0000")
        assert values(read(raw)) == ["192.0.2.1"]

    def test_an_encoded_word_with_strange_letters_in_its_base64(self) -> None:
        assert read(mail(subject="=?utf-8?B?QWJ1c2UgcmVwb3J0A*?=")).subject == "Abuse report"

    def test_a_damaged_lzma_member(self) -> None:
        packed = samples.zipped(zipfile.ZIP_LZMA, a__csv=samples.CSV.encode())
        broken = packed[:60] + b"\xff" * 20 + packed[80:]
        parsed = read(_attached(broken, "feed.zip"))
        assert "A file in an attached archive is damaged or encrypted." in parsed.defects

    def test_a_zip_member_without_a_name(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo(""), samples.CSV)
        assert "192.0.2.19" in values(read(_attached(packed.getvalue(), "feed.zip")))
        read(packed.getvalue())

    def test_a_nul_in_a_row(self) -> None:
        raw = samples.CSV.replace("example.org/a", "example.org/\0a").encode()
        assert "\0" not in "".join(_every_item(raw, ParserContext()))

    def test_a_url_whose_host_no_library_reads(self) -> None:
        parsed = read("ip,url\n192.0.2.1,hxxp://℀.example.org/\n".encode())
        assert values(parsed) == ["192.0.2.1"]

    def test_many_tables_of_one_page(self) -> None:
        table = "<table><tr><th>IP<th>Time</tr><tr><td>192.0.2.5<td>2025-03-04 07:00</td></tr></table>\n"
        start = time.thread_time()
        parsed = read(f"<html>{table * 1_500}</html>".encode())
        assert time.thread_time() - start < 4
        assert values(parsed, ItemKind.IP) == ["192.0.2.5"]

    def test_a_character_reference_of_thousands_of_digits(self) -> None:
        digits = "9" * 5_000
        raw = mail(f"<p>&#{digits}; 192.0.2.1 &#x41;&amp;&#xFFFFFFFFF;", extra="Content-Type: text/html\n")
        assert read(raw).body == "\ufffd 192.0.2.1 A&\ufffd"
        table = f"<table><tr><th>IP<th>URL<tr><td>192.0.2.1&#{digits};<td>http://x.example.org/&#{digits};a</table>"
        assert "http://x.example.org/" in values(read(table.encode()))

    def test_a_day_that_only_one_side_of_the_earth_has(self) -> None:
        raw = b"timestamp,ip\n0001-01-01 00:00:00,192.0.2.1\n9999-12-31 23:59:59,192.0.2.2\n"
        for hours in (14, -12):
            parsed = read(raw, tzdefault=timezone(timedelta(hours=hours)))
            assert values(parsed) == ["192.0.2.1", "192.0.2.2"]

    def test_a_fifth_number_that_is_no_port(self) -> None:
        parsed = read(mail("attack from 192.0.2.1.65536 and 192.0.2.2.65535\n"))
        assert [(item.value, item.port) for item in parsed.items] == [("192.0.2.2", 65535)]

    def test_a_stix_object_whose_type_is_a_list(self) -> None:
        bundle = {
            "type": "bundle",
            "objects": [{"type": ["url"], "value": "x"}, {"type": "url", "value": "http://a.example.org/"}],
        }
        assert values(read(mail(json.dumps(bundle)))) == ["http://a.example.org/"]

    def test_a_log_that_repeats_itself_for_two_megabytes(self) -> None:
        raw = mail(samples.LOG * (2_000_000 // len(samples.LOG.encode())))
        start = time.thread_time()
        parsed = read(raw)
        assert time.thread_time() - start < 3
        assert {"192.0.2.14", "2001:db8::2", "https://b.example.org:81/a(b)[c]"} <= set(values(parsed))

    def test_many_rows_of_wide_ranges(self) -> None:
        rows = "".join(f"1.0.0.{n % 200};255.255.{n // 200}.254;2025-03-04 07:00;spam\n" for n in range(20_000))
        start = time.thread_time()
        parsed = read(f"start;end;time;category\n{rows}".encode())
        assert time.thread_time() - start < 3
        assert parsed.feed is not None
        assert not parsed.feed.is_whole

    @pytest.mark.parametrize(
        ("line", "words"),
        [("? [a, b]\n: c", "expected a word"), ("? {a: b}\n: c", "expected a word"), ("x: 2025-02-30", "is not YAML")],
    )
    def test_a_template_file_with_strange_keys_and_dates(self, tmp_path: Path, line: str, words: str) -> None:
        path = tmp_path / "one.yml"
        path.write_text(f"name: one\n{line}\n", encoding="utf-8")
        template, faults = read_file(path)
        assert template is None
        assert words in str(faults[0])
