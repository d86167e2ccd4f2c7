"""Archives of 7z: what is in them, and what is refused. The samples were made by another program than ours."""

from __future__ import annotations

import random
import time
import tracemalloc
import zlib
from base64 import b64decode

import pytest

from abuse.parsers import Limits, MailKind, archives, sevenzip
from fuzz.samples import seven_zipped

from .feeds.building import mailed
from .samples import read, values
from .test_unpack import ARF, with_file

# readme.txt, logs/report.eml (a feedback report on 192.0.2.77), empty.txt and evidence.log; most with a packed header
SAMPLES = {
    "lzma2": b64decode(
        "N3q8ryccAASxk5QodgEAAAAAAAAXAAAAAAAAAL0W0wfgB3QAz10APBGKRyuTl1yNIH+cs7rNcJUO67yBGk+q8jJofAlEF9xj67uR"
        "0lrANG25o4Ot0I+DdsxsdaKAH8GOZeHmdILF1zF65Xga7OvM/jTlPR7dtrwKm/keUADNa3lzCq8PL37cVGFO8SYsMJb29lBpOzy4"
        "H4xQpCMesd7W74eSJbiNq04G0zT8sCLAXBt60p4tkYrg1wJYWgO5mfD+xAZ/HoPnxxvrXJoaHhIjyr4wYMlOGsTq/wu95IDZFysy"
        "ngRS29REj3LkmLK1HXiDfIaRjAgAAOAA1ACXXQAAgTMHrg/VMZT61yTT/rNwFrGAviu9XYDVeTIg+DYgrRPTzELF9py9UTf1B+rp"
        "INZfrmyq21C58J+vrOiaRHWbgVAHbwx7fkwgvMA7vmsXkLzqrfKu+2H2rZJ2RGeF/XLlVvncepy8nGIVsSpyc2jzM7Ddb4idzCvh"
        "rEnjpIkdyfEiEVf8YGt8aIzqbWv9e23vDAOWAAAAABcGgNcBCYCfAAcLAQABISEBGAyA1QAA"
    ),
    "lzma": b64decode(
        "N3q8ryccAATY/DhzfwEAAAAAAAAXAAAAAAAAALBMX+MAPBGKRyuTl1yNIH+cs7rNcJUO67yBGk+q8jJofAlEF9xj67uR0lrANG25"
        "o4Ot0I+DdsxsdaKAH8GOZeHmdILF1zF65Xga7OvM/jTlPR7dtrwKm/keUADNa3lzCq8PL37cVGFO8SYsMJb29lBpOzy4H4xQpCMe"
        "sd7W74eSJbiNq04G0zT8sCLAXBt60p4tkYrg1wJYWgO5mfD+xAZ/HoPnxxvrXJoaHhIjyr4wYMlOGsTq/wu95IDZFysyngRS29RE"
        "j3LkmLK1HXiDfIaSb9MLf/+Jxmog4ADgAKFdAACBMweuD9Uxj06XJNP+s34viZK+vjzamGVnN71v4Fa0Vc+ojVGJph9Nb+lOp/wd"
        "ZXnA55Z489zKVBtmtMXepBzO351TPHAd+KTKCb4OoSEyFfFcHs/ThN21aa878RsorzJkLaCjwTdUG/dk/8hR2kSrEcR/2X7oqJn9"
        "aqcmVwQQkn25BvpUFsw6qDSMMOo/ruAKgopBZom/c2A13QIAAAAAABcGgNYBCYCpAAcLAQABISEBGAyA4QAA"
    ),
    "bcj+lzma2": b64decode(
        "N3q8ryccAAS5onqXfwEAAAAAAAAXAAAAAAAAAGfmUCjgB3QAz10APBGKRyuTl1yNIH+cs7rNcJUO67yBGk+q8jJofAlEF9xj67uR"
        "0lrANG25o4Ot0I+DdsxsdaKAH8GOZeHmdILF1zF65Xga7OvM/jTlPR7dtrwKm/keUADNa3lzCq8PL37cVGFO8SYsMJb29lBpOzy4"
        "H4xQpCMesd7W74eSJbiNq04G0zT8sCLAXBt60p4tkYrg1wJYWgO5mfD+xAZ/HoPnxxvrXJoaHhIjyr4wYMlOGsTq/wu95IDZFysy"
        "ngRS29REj3LkmLK1HXiDfIaRjAgAAOAA4ACgXQAAgTMHrg/VMZT61yTRz+P3ZNEc52/XgFbG2eYK15CRa06cjSzgZZyq4tmjUke6"
        "sjnIFmVltr1w69jX5tPkw7GAnxs2zycMStaHCaMGMeIAfg4WlWdrBmJATt9x0sapexq5w8DYp5QD8U71UwRY7TQfERMUj53rUklM"
        "KL+pS4iUL0olhJuWZ2LFLswmNYURayn3zlO+/m4sSlFse0xmAAAAABcGgNcBCYCoAAcLAQABISEBGAyA4QAA"
    ),
    "bzip2": b64decode(
        "N3q8ryccAAT/6SgUvwEAAAAAAAAXAAAAAAAAAHOCcRZCWmg5MUFZJlNZO7bngAADt1+AABBQA/i6SyJNAD+v3uAwAViqMJEqA2oH"
        "qBkAAAxDGmg0AMmgMjTQxNGBUomhNMSJ+o9KG1DahobUZK8e1zpljfJC3XPzt3z0EU2p1EaCKqiLvURrvrXVn6cXzwXLuXMRz2hF"
        "RFdMmG6IsI3VEcBFfjdURkIsI8bQRHo5SpZiLY96To0CLY1dbrcJudSr7AIw18WEY9aXTtl69KSgjvEb0mnbb86lRF87s26SH9Kt"
        "2bz3gARgzoETKJqmf4BFliBEqHBdsqzhGD+qiNhHuI+GcYiNPbLQR1PHWMRFOVRHTCm/tbuEfLARwWeFJTnx8F9hFhF14joqUU8t"
        "eV7bER58eHvPJ4u5IpwoSB3bc8AA4ADUAJZdAACBMweuD9U4jQVXJNP+spd6zrBEE7I1PWhFlSwBld6dQGjUuJOWTBkvNOmSFnQt"
        "KpsxXYhXjGSELo4bqFejXSJSk/2neQlMp9qG0LUTighzXA3At7rPxgv6PWQJQH4GsMC7f7XJFfcxLlidwWMBAQKstEeL1thvoueB"
        "4B6XlfSxiPKkmn7PAze/qbvJIqQaGmu/1QAAAAAXBoEhAQmAngAHCwEAASEhARgMgNUAAA=="
    ),
    "deflate": b64decode(
        "N3q8ryccAARHKQnVZwEAAAAAAAAXAAAAAAAAAG5nhVDtz81qwzAMAOC7nkL0LjdJD2EZhUJZoIfCoGN3u1FKaBIZ2WHt2y80lEHv"
        "u/lkZH36u9UqQ4Wt63fKXjSyGr7ZwfdsRC9wPBw/6Js1dDJWmJsM9jJGHiN93T1XOEx97LzVuF7K33F5Kc7pbcvcOHu+0jPpZBob"
        "q/ftyq0AiNxrOw7BXnj9UghQPz8WZ90UGP72gpNMemY6fM7BW2EyU5iyfEwggtp2PTfobQg/og22oqgiEdv5eCyyzezzfGPKJJNM"
        "Mskkk/xH+QvgANQAll0AAIEzB64P1TFFj1ck0/6yl3rBE+hjCxptVkBaaZ23vMkhhpJhz9cA+7U4QuvSqkaZAVNSC8vPOPDlIkFW"
        "Lgn5mQVKDmEyUE0Ji6Ih3+Jj4lpa8ZQwnjCDU076nPkju9L6z/GqcGdxhmtbBiY6xS02SrSZVhIFPQU3XrY5ob4dd72dcCqY5rSv"
        "b4uWY19fqhyA9t2UAAAAABcGgMkBCYCeAAcLAQABISEBGAyA1QAA"
    ),
    "plain header": b64decode(
        "N3q8ryccAASA9Otj1wAAAAAAAADaAAAAAAAAAESyHhfgB3QAz10APBGKRyuTl1yNIH+cs7rNcJUO67yBGk+q8jJofAlEF9xj67uR"
        "0lrANG25o4Ot0I+DdsxsdaKAH8GOZeHmdILF1zF65Xga7OvM/jTlPR7dtrwKm/keUADNa3lzCq8PL37cVGFO8SYsMJb29lBpOzy4"
        "H4xQpCMesd7W74eSJbiNq04G0zT8sCLAXBt60p4tkYrg1wJYWgO5mfD+xAZ/HoPnxxvrXJoaHhIjyr4wYMlOGsTq/wu95IDZFysy"
        "ngRS29REj3LkmLK1HXiDfIaRjAgAAAEEBgABCYDXAAcLAQABISEBGAyHdQAIDQQJAYDkAAoBgxbcjLBurz0AAAAAxDafWwAABQQZ"
        "AwAAABFlAHIAZQBhAGQAbQBlAC4AdAB4AHQAAABsAG8AZwBzAC8AcgBlAHAAbwByAHQALgBlAG0AbAAAAGUAbQBwAHQAeQAuAHQA"
        "eAB0AAAAZQB2AGkAZABlAG4AYwBlAC4AbABvAGcAAAAUIgEAgHE0W+l73QHgGTVb6XvdASAhNVvpe90BsCY1W+l73QEVEgEAIICA"
        "gSCAgIEggICBIICAgQAA"
    ),
    "ppmd": b64decode(
        "N3q8ryccAASzQsWlXQEAAAAAAAAXAAAAAAAAAPY48F8Ad81LnzUAN4u0avSKk/RimDVJDR9lURtHAL1M22h8vayDFEYRe+wxfl00"
        "IWhdP+RqJYEhvO2gq09/PAg1xHVLudfPZZ5eun353nt7gXS7z4qOmKwLapksumpD3/6BTLDGArIn4gqX0U8PFHx/Y7MVXNNJTe+M"
        "VSheAUmdUdWuI7yySQ6vNAB3h2UJvzUab5IGQtZlJcKFawHONBooJqrI5y3F3YbHplqaD4w7AAAAAAAAAAAAAAAA4ADcAJ1dAACB"
        "MweuD9Uw5R8XJNP+s34vmDlLRQDAZlL7F4zwaJIiwQK+kURaHxkC+Bgt7ICYAQNs77EuOk6KgxrlvYRg1xM7KvTgXvOe8liT8Sp3"
        "BQCqMLKIyh3lUhtWdl11A7uZ6JO578U87/ES9ZbfcNOIeEg17Sfhb3hOsuBOb6s8y6KPLJtzCPYwzogUvhbk9prpHs5owmgR02pz"
        "kcwAAAAAFwaAuAEJgKUABwsBAAEhIQEYDIDdAAA="
    ),
    "encrypted": b64decode(
        "N3q8ryccAASi/y73pQEAAAAAAAAXAAAAAAAAABAuGRZ7ogFr5/RT6cZntxMzmjDEeAm9B8emMYnvHQSZyJc5Rlf2YKKd5fSLo1pr"
        "2WKRt3UajUPvAhiIECrtZryQ+926yE1GTbOwLAsx+Lz+CmWbOlcq31ApIbmdvvy77XpYYcds/nFnEagfIWJtZJ9IakaGRZTUuxUh"
        "/8pvSrbMel31SV/SOkGUybir7Uc+FQAPuCdRansO9rBQwPxjFxAB9+gRzM+Czmb5VSLyE0OuzGDkMpAGgAf0Tk4ooIzGdQXd6bB0"
        "KF/2chVpXzxrbptW5rUIFk6oONFFNsJYPbO04BAyduAA/AC9XQAAgTMHrg/VMcgnIPCUNOnfbe0IdVRrouKvO6G75LjydIs2ma/a"
        "u8juu/5Gcjy2gkpVCoGlIxPw7H+eHb2H/ksqzUlxHX1KQAwtZ4fa2UDJZK+vMMMcp4wIUebIX6m7W7I4szs6xRm2L+f2Pt/dWfhP"
        "2ZNiGxagyCeLKw45rSLSE0eAlaRwi4FO6reegIqHLp1tIjkQU4B8lvJCVHOcQO3awJOB/0Zo0xbMoybuE5lkx2LkNGXgNIjiPIgA"
        "AAAAFwaA4AEJgMUABwsBAAEhIQEYDID9AAA="
    ),
    "encrypted header": b64decode(
        "N3q8ryccAASUmVWQ4AEAAAAAAAArAAAAAAAAAJccgcYTHdwdWLwCIfwrZcT8FB6Yy28efK2ZfPdhdNQ5IslxAtFuf9XYZVeQrk/n"
        "C8gfG/TIjTSVddKwJtLiSGocv1GtLT4i1JenhlT1DqYYTP0XatZWG07q1mI1X8J+SV74C4MTovITwJ0+9W5amBZtA17c1c5WWOUt"
        "Hv45QBQfgZf29aLsIUlpw2ir10K2wpmf+X8tqqlgghmq55qKHD9kQpLIWokpOZNOVGijZqjf94Fxx9JI4BU7iWqbSJnHUWs++uxA"
        "A/I5a94oNeVsmNH7A/xSmGPcV7v+dWUa2hMVHVoQCNX8f1s4SuqvMujHfsvnVoP648uKuQL0bdcluBTdl4ZYa4tyPijmUKLBf1Fs"
        "A5YHtzth+BeVC9XZZ62xS1xt2gWUpK7jASwPpVNjYAiXr705gG8/XNwtRfqAP1fWjVi5qr1haBGXeSjT9O8l1+09KgmxPlSkmcXT"
        "tssMFYUJEi9XJtfIwALVOWyk1CF/OAINTyo+dBjHSGk3HlL9VpCkc1EJjfz5zp6hXoYyuqDDAwSN8LXj43HWi/K2ritQ/YZbK5Te"
        "T6/bf1emqk23h6M8dSw4PNlutJNB8ACB2/UXXb1jNswtBNlnh0hl5X8iD9Ph1kc0r/pAxyq9rvDWyOHZWS0XBoDgAQmBAAAHCwEA"
        "ASQG8QcBElMPVqCxb85nqTRzKler9fWG5wyA/QAA"
    ),
}
FILES = [("readme.txt", 1), ("logs/report.eml", 228), ("empty.txt", 0), ("evidence.log", 1680)]
CSV = b"ip,time\n203.0.113.7,2026-11-22 04:05:06\n203.0.113.8,2026-11-22 04:05:07\n"


def unpacked(content: bytes, limits: Limits | None = None) -> tuple[list[tuple[str, int]], list[str]]:
    defects: list[str] = []
    found = archives.members(content, limits or Limits(), defects.append)
    return [(member.name, len(member.content)) for member in found], defects


class TestContents:
    @pytest.mark.parametrize("kind", ["lzma2", "lzma", "bcj+lzma2", "bzip2", "deflate", "plain header"])
    def test_every_file_is_found(self, kind: str) -> None:
        assert unpacked(SAMPLES[kind]) == (FILES, [])

    def test_a_file_is_what_was_packed(self) -> None:
        (found,) = archives.members(SAMPLES["lzma2"], Limits(), pytest.fail, lambda name: name == "evidence.log")
        assert found.content == b"Failed password for root from 203.0.113.7\n" * 40

    @pytest.mark.parametrize("name", ["reports.7z", "reports.bin"])
    def test_a_report_in_an_archive_is_read_like_a_message(self, name: str) -> None:
        parsed = with_file(SAMPLES["lzma2"], name, "Reports attached")
        assert (parsed.kind, values(parsed)) == (MailKind.FEEDBACK_REPORT, ["192.0.2.77"])

    def test_a_log_in_an_archive_is_searched(self) -> None:
        parsed = with_file(seven_zipped(a__log=b"Failed password from 203.0.113.9"), "logs.7z", "Attack, see the log")
        assert values(parsed) == ["203.0.113.9"]

    def test_a_feed_in_an_archive_is_read_as_one(self) -> None:
        parsed = read(mailed(seven_zipped(readme__md=b"x" * 500, events__csv=CSV), "events.7z"))
        assert (parsed.template, values(parsed)) == ("feed:delimited", ["203.0.113.7", "203.0.113.8"])
        assert values(read(seven_zipped(events__csv=CSV))) == ["203.0.113.7", "203.0.113.8"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("kind", "sentence"),
        [
            ("ppmd", "A file in an attached 7z archive is packed in an unknown way."),
            ("encrypted", "A file in an attached 7z archive is encrypted."),
            ("encrypted header", "An attached 7z archive is encrypted."),
        ],
    )
    def test_what_cannot_be_unpacked_is_said(self, kind: str, sentence: str) -> None:
        assert unpacked(SAMPLES[kind]) == ([], [sentence])
        assert sentence in with_file(SAMPLES[kind], "logs.7z", "Abuse of 192.0.2.1").defects

    def test_a_changed_byte_of_a_file_is_noticed(self) -> None:
        content = bytearray(SAMPLES["bzip2"])
        content[60] ^= 1
        assert unpacked(bytes(content)) == ([], ["A file in an attached 7z archive is damaged."])

    @pytest.mark.parametrize("size", [7, 31, 32, 100, 400])
    def test_an_archive_that_is_cut_off_is_said(self, size: int) -> None:
        assert unpacked(SAMPLES["lzma2"][:size]) == ([], ["An attached 7z archive is damaged."])

    def test_a_bomb_is_not_unpacked(self) -> None:
        content = seven_zipped(a__txt=b"few", bomb__txt=b"0" * 40_000_000)
        tracemalloc.start()
        try:
            found = unpacked(content)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        sentence = "An attached 7z archive unpacks to too much; it is not read further."
        assert found == ([("a.txt", 3)], [sentence])
        assert most < 5_000_000

    def test_files_before_the_wanted_one_count_as_unpacked(self) -> None:
        content = seven_zipped(big__bin=random.Random(1).randbytes(9_000), a__log=b"x")
        defects: list[str] = []
        wanted = archives.members(
            content, Limits(max_archive_bytes=5_000), defects.append, lambda name: name == "a.log"
        )
        assert (list(wanted), len(defects)) == ([], 1)
        parsed = read(mailed(seven_zipped(big__bin=b"0" * 2_000_000, a__csv=CSV), "a.7z"))
        assert "A file in an attached archive is damaged or encrypted." in parsed.defects

    def test_files_are_counted(self) -> None:
        content = seven_zipped(1 << 16, **{f"f{number}": b"x" for number in range(120)})
        found, defects = unpacked(content)
        assert (len(found), defects) == (100, ["Only the first 100 files of an archive are read."])

    def test_a_dictionary_is_never_larger_than_the_files(self) -> None:
        content = seven_zipped(1 << 16, a__txt=b"x" * 1_000).replace(b"\x21\x21\x01\x0a", b"\x21\x21\x01\x28")
        assert unpacked(with_checksum(content)) == ([("a.txt", 1_000)], [])

    def test_a_damaged_header_takes_neither_time_nor_memory(self) -> None:
        generator = random.Random(7)
        samples = [SAMPLES["plain header"], SAMPLES["lzma"], SAMPLES["deflate"], seven_zipped(a__eml=ARF, b__csv=CSV)]
        start = time.thread_time()
        for number in range(3_000):
            content = bytearray(samples[number % len(samples)])
            header = 32 + int.from_bytes(content[12:20], "little")
            for _ in range(3):
                at = generator.randrange(header if generator.random() < 0.7 else 32, len(content))
                content[at] = generator.choice((0, 1, 128, 255, generator.randrange(256)))
            unpacked(with_checksum(bytes(content)))
        assert time.thread_time() - start < 6


def with_checksum(content: bytes) -> bytes:
    offset, size = (int.from_bytes(content[at : at + 8], "little") for at in (12, 20))
    checksum = zlib.crc32(content[32 + offset : 32 + offset + size])
    return content[:28] + checksum.to_bytes(4, "little") + content[32:]


def test_a_stream_is_read_in_pieces() -> None:
    content = seven_zipped(a__csv=CSV, b__csv=CSV * 1_000)
    second = sevenzip.entries(content)[1]
    read_piece = sevenzip.reader(content, second)
    pieces = []
    while piece := read_piece(10_000):
        pieces.append(piece)
    assert max(map(len, pieces)) == 10_000
    assert b"".join(pieces) == CSV * 1_000
