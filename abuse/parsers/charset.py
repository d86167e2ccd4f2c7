"""Bytes of any label to text that PostgreSQL and JSON accept."""

from __future__ import annotations

import codecs
from encodings.aliases import aliases

# Labels in mail mean the larger set that senders really use (WHATWG Encoding does the same).
_SUPERSETS = {
    "ascii": "ascii",
    "us_ascii": "ascii",
    "iso_8859_1": "cp1252",
    "iso8859_1": "cp1252",
    "latin_1": "cp1252",
    "latin1": "cp1252",
    "l1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "x_gbk": "gb18030",
    "big5": "big5hkscs",
    "x_x_big5": "big5hkscs",
    "shift_jis": "cp932",
    "x_sjis": "cp932",
    "sjis": "cp932",
    "windows_31j": "cp932",
    "euc_kr": "cp949",
    "ks_c_5601_1987": "cp949",
    "ks_c_5601": "cp949",
    "iso_8859_9": "cp1254",
    "iso_8859_11": "cp874",
    "tis_620": "cp874",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "utf8": "utf_8",
    "utf8mb4": "utf_8",
    "unicode_1_1_utf_8": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "iso_2022_jp": "iso2022_jp_ext",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
}
# Only these are looked up: a sender's label must not choose a module to import or a codec that is no charset.
_KNOWN = (
    frozenset(aliases) | frozenset(aliases.values()) | {f"cp{number}" for number in (720, 737, 856, 874, 875, 1006)}
)
_NO_CHARSET = frozenset(
    (
        "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "idna",
        "punycode", "mbcs", "oem", "unicode_escape", "raw_unicode_escape", "undefined",
    )
)  # fmt: skip
_MULTIBYTE = frozenset(
    (
        "gb18030", "big5", "big5hkscs", "cp950", "cp932", "shift_jis_2004", "euc_jp", "cp949", "johab",
        "iso2022_jp_ext", "iso2022_kr", "hz", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_7",
    )
)  # fmt: skip


def codec_for(label: str | None) -> str | None:
    """The Python codec for a charset label as found in mail; None when there is none."""
    if not label or len(label) > 60:
        return None
    name = label.strip(" \t\"'").lower().replace("-", "_").replace(":", "_").replace(".", "_")
    name = name.removeprefix("cs") if name.startswith(("csiso", "csutf")) else name
    name = name.replace("windows_", "cp").replace("windows", "cp") if name.startswith("windows") else name
    name = _SUPERSETS.get(name, name)
    if name not in _KNOWN or aliases.get(name, name) in _NO_CHARSET or name in _NO_CHARSET:
        return None
    try:
        codecs.lookup(name)
    except LookupError:  # known by name to Python, but not built for this platform
        return None
    return name


def decode(data: bytes, label: str | None = None) -> tuple[str, str | None]:
    """Text of `data`, and a sentence when the declared charset was unknown or wrong.

    Order: the declared charset; UTF-8; a declared multi-byte charset with replacement characters; windows-1252.
    """
    codec = codec_for(label)
    if codec is not None and codec != "ascii":
        try:
            return clean(data.decode(codec)), None
        except (UnicodeError, ValueError):
            pass
    try:
        text = clean(data.decode("utf-8"))
    except UnicodeDecodeError:
        text = clean(data.decode(codec if codec in _MULTIBYTE else "cp1252", "replace"))
    if codec is None and label:
        return text, f"The charset {clean(label)[:60]!r} is unknown."
    if codec is not None and (codec != "ascii" or not data.isascii()):
        return text, f"The text is not in the declared charset {codec}."
    return text, None


def searchable(text: str) -> str | bytes:
    """`text` as it is searched fastest: the bytes of ASCII, in which everything stands at the same places."""
    return text.encode("ascii") if text.isascii() else text


def clean(text: str) -> str:
    """`text` without NUL (PostgreSQL stores none) and without lone surrogates (UTF-8 has none)."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
