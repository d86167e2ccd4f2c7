"""Tables of any source: what columns are, by their names or by what stands in them."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from abuse.parsers import MailKind, ParserContext, parse
from abuse.parsers.feeds.reader import read_table

from .building import CONTEXT, mailed, only, read, values

MOMENT = datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_any_delimiter(delimiter: str, quote: str) -> None:
    names = ["Source IP", "First seen", "Port", "Category"]
    cells = ["203.0.113.7", "2026-11-22T04:05:06Z", "2222", "ssh brute"]
    parsed = read("".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) + "\r\n" for row in (names, cells)))
    item = only(parsed)
    assert (item.value, item.port, item.seen_at, item.category) == ("203.0.113.7", 2222, MOMENT, "Intrusion")
    assert parsed.kind is MailKind.FEED


EPOCH = int(MOMENT.timestamp())


@pytest.mark.parametrize(
    "text",
    [
        "# made today\n# ip,last_seen\n203.0.113.7,2026-11-22 04:05:06\n",
        f"; ip, asn, lastseen\n203.0.113.7,AS64500,{EPOCH}\n; end\n",
        "some words before\nip,time\n203.0.113.7,2026-11-22 04:05:06\n",
        "time,attacker,victim\n2026-11-22 04:05:06,203.0.113.7,198.51.100.9\n",
        "2026-11-22 04:05:06,203.0.113.7,198.51.100.9\n2026-11-22 04:05:06,203.0.113.7,192.0.2.8\n",
        "64500|ISP|203.0.113.7|2026-11-22 04:05:06|scan\n",
        "AS64500\t203.0.113.7\t2026-11-22 04:05:06\n",
        f"ip,file time\n203.0.113.7,{(EPOCH + 11_644_473_600) * 10_000_000}\n",
        f"ip,ts\n203.0.113.7,{EPOCH}000\n",
        "2026-11-22T04:05:06Z srcip=203.0.113.7 dstip=198.51.100.9 type=scan\n",
        'srcip="203.0.113.7" time="2026-11-22T04:05:06Z"\n',
        '{"src": {"ip": "203.0.113.7", "port": 1}, "dst": {"ip": "198.51.100.9"}, "timestamp": "2026-11-22T04:05:06Z"}',
        f'[{{"ip": "203.0.113.7", "seen": {EPOCH}, "dest_ip": "198.51.100.9"}}]',
        f'{{"ip": 3405803783, "ts": {EPOCH}}}\n',
        '{"status": "OK", "data": [{"source.ip": "203.0.113.7", "time.source": "2026-11-22T04:05:06Z"}]}',
        "<table><tr><th>Date</th><th>IP</th></tr><tr><td>2026-11-22 04:05:06</td><td>203.0.113.7</td></tr></table>",
    ],
)
def test_the_accused_address_and_when(text: str) -> None:
    parsed = read(text)
    assert {(item.value, item.seen_at) for item in parsed.items} == {("203.0.113.7", MOMENT)}
    assert parsed.kind is MailKind.FEED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7\n2001:db8::1\n", ["203.0.113.7", "2001:db8::1"]),
        ("203.0.113.0/24 ; SBL1\n2001:db8::/32 ; SBL2\n", ["203.0.113.0/24", "2001:db8::/32"]),
        ("http://a.example.org/x\nhxxps://b.example[.]org/\n", ["http://a.example.org/x", "https://b.example.org/"]),
        ("bad.example.org\nworse.example.com # since May\n", ["bad.example.org", "worse.example.com"]),
        ("start\tend\tnetmask\n203.0.113.0\t203.0.113.255\t24\n", ["203.0.113.0/24"]),
        ("203.0.113.4,203.0.113.7,Yes\n203.0.113.9,203.0.113.9,No\n", ["203.0.113.4/30", "203.0.113.9"]),
        ("host,path\nwww.example.org,/login\n", ["www.example.org", "http://www.example.org/login"]),
        ("indicator,type\n203.0.113.7,ip\nhttp://x.example.org/,url\nbad.example.org,domain\n", [
            "203.0.113.7", "http://x.example.org/", "bad.example.org",
        ]),
        ("ip,url\n203.0.113.7,www.example.org/a.exe\n", ["203.0.113.7", "http://www.example.org/a.exe"]),
        ("ip,hostname\n203.0.113.7,h7.isp.example\n", ["203.0.113.7"]),
        ("ip,hostname\n,h7.isp.example\n203.0.113.7,\n", ["h7.isp.example", "203.0.113.7"]),
        ("ip,details\n203.0.113.7,family: x;hostname: cc.isp.internal; port: 80\n", ["203.0.113.7", "cc.isp.internal"]),
        ("ip,details\n203.0.113.7,hostname: cc.example.orgport: 80;\n", ["203.0.113.7", "cc.example.org"]),
        ("ip,details\n203.0.113.7,hostname: cc.airport: 80;\n", ["203.0.113.7", "cc.airport"]),
        ("<table><tr><td>http://x.exa<!-- -->mple.org/a&#46;php</td></tr></table>", ["http://x.example.org/a.php"]),
        ('{"family_a": ["a.example.org", "203.0.113.7"]}', ["a.example.org", "203.0.113.7"]),
    ],
)  # fmt: skip
def test_what_is_accused(text: str, expected: list[str]) -> None:
    assert [value for _, value in values(read(text))] == expected


def test_a_delimiter_in_a_text_moves_no_address() -> None:
    plain = "".join(f"{n} | Net {n} | 203.0.113.{n} | 2026-11-22 04:05:06 | ssh\n" for n in range(1, 4))
    broken = "4 | Net | with | pipes | 203.0.113.4 | 2026-11-22 04:05:06 | ssh\n"
    nothing = "5 | Net 5 | - | 2026-11-22 04:05:06 | ssh | 203.0.113.5\n"
    parsed = read(f"# ASN | ASname | saddr | utc | category\n{plain}{broken}{nothing}")
    assert [(item.value, item.seen_at) for item in parsed.items] == [(f"203.0.113.{n}", MOMENT) for n in range(1, 5)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Dear abuse team,\n\nyour customer at 203.0.113.7, who spams, must stop.\nKind regards, Jo\n",
        "Hello, I was attacked by 203.0.113.7 yesterday.\nPlease, help me.\n",
        "one,two,three\n1,2,3\n",
        '{"note": "nothing here"}',
    ],
)
def test_prose_and_other_tables_are_no_feed(text: str) -> None:
    assert read(text).feed is None


def test_category_comes_from_the_row_else_from_the_name_else_from_the_heading() -> None:
    rows = "ip,category\n203.0.113.7,spam\n203.0.113.8,\n203.0.113.9,C2 server\n203.0.113.10,phishing\n"
    categories = [item.category for item in read(rows, "ssh-bruteforce.csv").items]
    assert categories == ["Spam", "Intrusion", "Malware", "Phishing"]
    assert only(read("# botnet controllers\nip,port\n203.0.113.7,80\n")).category == "Malware"


def test_ignored_networks_and_domains_are_left_out() -> None:
    context = ParserContext(networks_to_ignore=(ip_network("203.0.113.0/24"),), domain_to_ignore=("isp.example",))
    parsed = read("ip,url\n203.0.113.7,http://w.isp.example/\n198.51.100.9,http://x.example.org/\n", context=context)
    assert values(parsed) == [("IP", "198.51.100.9"), ("URL", "http://x.example.org/")]


def test_a_table_in_a_mail_needs_named_columns_or_a_tables_name() -> None:
    listed, named = b"203.0.113.7\n203.0.113.8\n", b"time,src ip\n2026-11-22 04:05:06,203.0.113.7\n"
    log = b"SRC=203.0.113.7 DST=198.51.100.9 PROTO=TCP\n"
    assert parse(mailed(listed, "list.csv"), CONTEXT).feed is not None
    assert parse(mailed(listed, "evidence.txt", kind="text/plain"), CONTEXT).feed is None
    assert parse(mailed(named, "evidence.txt", kind="text/plain"), CONTEXT).feed is not None
    assert parse(mailed(log, "firewall.txt", kind="text/plain"), CONTEXT).feed is None


def test_an_answer_to_a_ticket_is_no_feed() -> None:
    raw = mailed(b"time,ip\n2026-11-22 04:05:06,203.0.113.7\n", "list.csv")
    assert parse(raw, CONTEXT).feed is not None
    raw = raw.replace(b"To: abuse@isp", b"To: ticket+ABCDEFGH.Defendant@isp")
    assert parse(raw, CONTEXT).feed is None


def test_an_operator_says_what_columns_are() -> None:
    lines = ["exported by hand", "When;Culprit;Gate;Odd", "2026-11-22 04:05:06;203.0.113.7;22;x", "-;-;-;-"]
    mapping = {"culprit": "address", "when": "time", "gate": "port"}
    (row,) = read_table(lines, mapping, CONTEXT, delimiter=";", category="Intrusion")
    (item,) = row.items("a table")
    assert (item.value, item.port, item.seen_at, item.category) == ("203.0.113.7", 22, MOMENT, "Intrusion")
    (plain,) = read_table(["203.0.113.8|53"], {"a": "address", "b": "port"}, CONTEXT, delimiter="|", header=False)
    assert (plain.facts[0].value, plain.facts[0].port) == ("203.0.113.8", 53)
    with pytest.raises(ValueError, match="column 'culprit': 'villain' is no role; expected one of address"):
        read_table(lines, {"culprit": "villain"}, CONTEXT)
    with pytest.raises(ValueError, match="no line names the columns"):
        read_table(lines, mapping, CONTEXT, delimiter=",")
