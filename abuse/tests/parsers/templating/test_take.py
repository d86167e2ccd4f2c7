"""What the rules of a template take from a mail, and what they leave."""

from __future__ import annotations

import io
import zipfile
from base64 import encodebytes
from datetime import UTC, datetime

import pytest

from abuse.parsers import ItemKind, Limits, ParsedItem

from ..samples import mail, multipart
from .building import SENDER, read_with, taken, template

IP_LINE = "take: [{what: ip, line: IP Address}]"


def items(text: str, body: str, **fields: str) -> tuple[ParsedItem, ...]:
    return read_with(template(text, fallback=False), raw=mail(body, sender=SENDER, **fields)).items


@pytest.mark.parametrize(
    "line",
    [
        "IP Address: 192.0.2.7",
        "ip address:192.0.2.7",
        "IP Address = 192.0.2.7",
        "IP   Address\t:\t192.0.2.7",
        "IP Address........: 192.0.2.7",
        "IP Address -> 192.0.2.7",
        "IP Address - 192.0.2.7",
        "IP Address  192.0.2.7",
        "IP Address 192.0.2.7",
        "  * IP Address: 192.0.2.7",
        "> > IP Address: 192.0.2.7",
        "*IP Address:* 192.0.2.7",
        "**IP Address**: 192.0.2.7",
        '"IP Address": "192.0.2.7",',
        "| IP Address | 192.0.2.7 |",
        "IP Address(es): 192.0.2.7",
        "IP Address: 192[.]0[.]2[.]7",
        "IP Address: 192.0.2.7 (host.example.org)",
        "IP Address:\n192.0.2.7\n",
        "IP Address:\n\n  - 192.0.2.7\n\nOther: 192.0.2.8",
        "IP\nAddress: 192.0.2.7",
    ],
)
def test_line_is_tolerant(line: str) -> None:
    assert taken(IP_LINE, f"Hello 192.0.2.1,\n{line}\nBye 192.0.2.2") == ["192.0.2.7"]


@pytest.mark.parametrize(
    "line",
    [
        "Destination IP Address: 192.0.2.7",
        "IP Addressing: 192.0.2.7",
        "IP Address of 192.0.2.7 is ours",
        "our IP Address: 192.0.2.7",
        "IP Address:\nOther: 192.0.2.7",
    ],
)
def test_line_is_the_label_alone(line: str) -> None:
    assert taken(IP_LINE, f"Hello,\n{line}\nBye") == []


def test_line_takes_all_or_the_first_and_lists_below() -> None:
    body = (
        "URL:\n- hxxp://a.example.org/1\n- http://b.example.org/2\n\nhttp://c.example.org/\nURL: http://d.example.org/"
    )
    assert taken("take: [{what: url, line: URL}]", body) == [
        "http://a.example.org/1", "http://b.example.org/2", "http://d.example.org/",
    ]  # fmt: skip
    assert taken("take: [{what: url, line: URL, many: false}]", body) == ["http://a.example.org/1"]
    assert taken("take: [{what: ip, line: [Adresse IP, IP]}]", "IP: 192.0.2.1\nAdresse IP : 192.0.2.2") == [
        "192.0.2.1", "192.0.2.2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "value", "expected"),
    [
        ("ip", "192.0.2.0/24", []),
        ("cidr", "192.0.2.0/24", ["192.0.2.0/24"]),
        ("[ip, cidr]", "192.0.2.0/24, 192.0.2.5", ["192.0.2.0/24", "192.0.2.5"]),
        ("ip", "2001:DB8:0::1", ["2001:db8::1"]),
        ("ip", "[2001:db8::1]:443", ["2001:db8::1"]),
        ("ip", "not known", []),
        ("ip", "10.1.2.3", ["10.1.2.3"]),
        ("url", "hxxps://bad[.]example[.]org/a b", ["https://bad.example.org/a"]),
        ("url", "bad.example.org/login.php?x=1", ["http://bad.example.org/login.php?x=1"]),
        ("url", "either/or", []),
        ("fqdn", "Bad.Example.ORG.", ["bad.example.org"]),
        ("fqdn", "a.example.org, b[.]example[.]org; report", ["b.example.org", "a.example.org"]),
        ("fqdn", "the file.nosuchtld of a.example.org", ["a.example.org"]),
        ("email", "Spammer <Spam@Example.org>", ["spam@example.org"]),
        ("hash", "md5:D41D8CD98F00B204E9800998ECF8427E (file.exe)", ["d41d8cd98f00b204e9800998ecf8427e"]),
        ("auto", "192.0.2.9", ["192.0.2.9"]),
        ("auto", "http://192.0.2.9/x", ["http://192.0.2.9/x"]),
        ("auto", "shop.example.org", ["shop.example.org"]),
    ],
)
def test_kinds(what: str, value: str, expected: list[str]) -> None:
    found = taken(f"take: [{{what: {what}, line: Source}}]", f"Source: {value}\nElsewhere: http://o.example/ 192.0.2.1")
    assert sorted(found) == sorted(expected)


def test_place_raw_port_protocol_and_time() -> None:
    text = """
    take:
      - {what: ip, line: IP, port: {line: Port}, protocol: {line: Protocol}, time: {line: Time}}
    time: {zone: Europe/Paris}
    """
    (item,) = items(text, "IP: 192[.]0[.]2[.]1\nPort: 8080 (http)\nProtocol: TCP\nTime: 2025-03-04 09:00:00")
    assert item == ParsedItem(
        ItemKind.IP, "192.0.2.1", "192[.]0[.]2[.]1", "template one: line 'IP'", 8080, "tcp",
        datetime(2025, 3, 4, 8, tzinfo=UTC),
    )  # fmt: skip


def test_constants_beside() -> None:
    (item,) = items("take: [{what: ip, line: IP, port: 22, protocol: tcp}]", "IP: 192.0.2.1")
    assert (item.port, item.protocol) == (22, "tcp")


TIMED = "take: [{what: ip, line: IP, time: {line: Time}}]"


@pytest.mark.parametrize(
    ("body", "hours"),
    [
        ("IP: 192.0.2.1\nTime: 01:00\nIP: 192.0.2.2\nTime: 02:00", [1, 2]),
        ("IP: 192.0.2.1\nIP: 192.0.2.2\nTime: 01:00\nTime: 02:00", [1, 2]),
        ("IP: 192.0.2.1\nThe log of 2025-03-04 01:00:00 is below.", [None]),
        ("Time: 01:00\nIP: 192.0.2.1\nTime: 02:00\nIP: 192.0.2.2", [1, 2]),
        ("Time: 01:00\nIP: 192.0.2.1\nIP: 192.0.2.2", [1, 1]),
        ("IP: 192.0.2.1\nTime: 01:00\nTime: 02:00\nIP: 192.0.2.2\nIP: 192.0.2.3\nTime: 03:00\nTime: 04:00",
         [1, None, 3]),
        ("Time: 01:00\nTime: 02:00\nIP: 192.0.2.1\nIP: 192.0.2.2\nTime: 03:00\nIP: 192.0.2.3\nTime: 04:00",
         [2, None, 3]),
    ],
)  # fmt: skip
def test_what_stands_beside_what(body: str, hours: list[int | None]) -> None:
    dated = body.replace("Time: ", "Time: 2025-03-04T").replace(":00", ":00:00Z")
    times = [item.seen_at and item.seen_at.hour for item in items(TIMED, dated)]
    assert times == hours


def test_time_without_zone_is_of_the_template_then_of_the_mail() -> None:
    body = "IP: 192.0.2.1\nTime: 04/03/2025 09 h 30"
    formats = "time: {formats: '%d/%m/%Y %H h %M'%s}"
    for zone, expected in ((", zone: '+05:30'", (4, 0)), (", zone: America/New_York", (14, 30)), ("", (8, 30))):
        (item,) = items(f"{TIMED}\n{formats.replace('%s', zone)}", body)
        assert item.seen_at is not None
        assert (item.seen_at.hour, item.seen_at.minute) == expected, zone


def test_log_lines_date_what_no_rule_dates() -> None:
    body = "IP: 192.0.2.1\n\nMar  4 03:20:41 web1 sshd[811]: Failed password for root from 192.0.2.1 port 50122 ssh2"
    (item,) = items("take: [{what: ip, line: IP}]\ntime: {zone: UTC}", body)
    assert (item.seen_at, item.port) == (datetime(2025, 3, 4, 3, 20, 41, tzinfo=UTC), 50122)


def test_pattern_with_named_groups() -> None:
    text = r"""
    take:
      - what: ip
        pattern: '^(?P<time>\S+) (?P<protocol>tcp|udp) (?P<value>\S+?)#(?P<port>\d+) '
    """
    body = "2025-03-04T01:00:00Z udp 192.0.2.1#53 x\n2025-03-04T02:00:00Z TCP 2001:db8::2#80 x\n-- 192.0.2.3"
    assert [(i.value, i.port, i.protocol, i.seen_at and i.seen_at.hour) for i in items(text, body)] == [
        ("192.0.2.1", 53, "udp", 1), ("2001:db8::2", 80, "tcp", 2),
    ]  # fmt: skip


def test_subject_and_header() -> None:
    text = r"""
    take:
      - {what: ip, subject: 'from \[([0-9a-f.:]+)\]'}
      - {what: url, header: {name: X-Url}}
      - what: ip
        header: {name: X-Source, pattern: 'ip=(\S+)'}
        port: {header: {name: X-Source, pattern: 'port=(\d+)'}}
    """
    raw = mail(
        "nothing", sender=SENDER, subject="Attack from [192.0.2.1]",
        extra="X-Url: http://a.example.org/\nX-Source: port=99 ip=192.0.2.2\n",
    )  # fmt: skip
    parsed = read_with(template(text), raw=raw)
    assert [(item.value, item.port) for item in parsed.items] == [
        ("192.0.2.1", None), ("http://a.example.org/", None), ("192.0.2.2", 99),
    ]  # fmt: skip


BLOCKS = """See http://own.example.org/
We found these
> sites: http://a.example.org/ and
http://b.example.org/

http://c.example.org/
That is all. http://d.example.org/
We found these sites: http://e.example.org/
That is all."""


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("after: 'we found these sites:', until: That is all", "abce"),
        ("after: 'we found these sites:', lines: 2", "abe"),
        ("after: 'we found these sites:', lines: 1, many: false", "a"),
        ("after: '> sites', until: '.example.org/ and'", ""),
        ("after: nowhere", ""),
        ("until: 'we found'", "own"),
        ("after: [nowhere, That is all]", "de"),
        ("after: these sites, until: nowhere", "abcde"),
    ],
)
def test_blocks(where: str, expected: str) -> None:
    found = taken(f"take: [{{what: url, {where}}}]", BLOCKS)
    names = [url.removeprefix("http://").partition(".")[0] for url in found]
    assert names == ([expected] if expected == "own" else list(expected))


def test_source_within_a_block() -> None:
    body = "IP: 192.0.2.1\nEvidence\nIP: 192.0.2.2\nEnd\nIP: 192.0.2.3"
    assert taken("take: [{what: ip, line: IP, after: Evidence, until: End}]", body) == ["192.0.2.2"]


def test_ignore() -> None:
    text = r"""
    take: [{what: auto, after: Evidence}]
    ignore: {urls: '/help$', domains: reporter.example, ips: [192.0.2.0/28, '2001:db8::1']}
    """
    body = (
        "Evidence http://www.reporter.example/x http://a.example.org/help http://a.example.org/helpless "
        "192.0.2.1 192.0.2.16 2001:db8::1 2001:db8::2 http://192.0.2.3/ notreporter[.]example"
    )
    assert set(taken(text, body)) == {
        "http://a.example.org/helpless", "192.0.2.16", "2001:db8::2", "notreporter.example",
    }  # fmt: skip


def test_ignored_networks_of_the_desk_stay_out() -> None:
    from ipaddress import ip_network

    raw = mail("IP Address: 192.0.2.7", sender=SENDER)
    one = template(IP_LINE, fallback=False)
    assert not read_with(one, raw=raw, networks_to_ignore=(ip_network("192.0.2.0/24"),)).items


TABLES = [
    ("{columns: [time, ip, url], column: ip}", "a,192.0.2.1,b\nshort,192.0.2.2\n1,192.0.2.3,\"x, y\"", ["1", "3"]),
    ("{delimiter: '|', header: [IP], column: ip}", "| id | ip |\n|----|----|\n| 1 | 192.0.2.1 |\n\n| 2 | 192.0.2.2 |",
     ["1"]),
    ("{delimiter: '|', header: [ip], column: ip}", "|id|ip\n|1|192.0.2.1|\n|2|192.0.2.2", ["1", "2"]),
    ("{delimiter: '|', columns: [id, ip], column: ip}", "| 1 | 192.0.2.1 |\n|2|192.0.2.2\n3|192.0.2.3",
     ["1", "2", "3"]),
    ("{delimiter: tab, header: [source ip], column: Source IP}", "x\n\tsource ip\tn\n\t192.0.2.1\t5", ["1"]),
    ("{delimiter: spaces, header: [Address], column: address}", "Id   Address     Last seen\n1    192.0.2.1   x",
     ["1"]),
    ("{delimiter: ;, header: [a, b], column: [a, b]}", "b;a\n192.0.2.1;192.0.2.2", ["2", "1"]),
    ("{delimiter: ;, header: [a, c], column: a}", "b;a\n192.0.2.1;192.0.2.2", []),
]  # fmt: skip


@pytest.mark.parametrize(("table", "body", "expected"), TABLES)
def test_tables(table: str, body: str, expected: list[str]) -> None:
    found = taken(f"take: [{{what: ip, table: {table}}}]", f"Hello,\n{body}\n\nBye, 192.0.2.9")
    assert found == [f"192.0.2.{number}" for number in expected]


def test_table_with_facts_in_a_packed_file() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("read.me", "ip,port\n192.0.2.66,1\n")
        archive.writestr("events.csv", 'time,ip,port,proto,note\n2025-03-04 01:00:00,192.0.2.1,22,TCP,"two\nlines"\n')
    raw = multipart(
        "Content-Type: text/plain\n\nSee the file, not 192.0.2.99.",
        "Content-Type: application/zip; name=events.zip\nContent-Transfer-Encoding: base64\n\n"
        + encodebytes(packed.getvalue()).decode(),
        sender=SENDER,
    )
    text = r"""
    take:
      - what: ip
        table: {header: [ip, time], column: ip}
        port: {column: port}
        protocol: {column: proto}
        time: {column: time}
        attachment: {name: '\.csv$'}
    time: {zone: UTC}
    """
    (item,) = read_with(template(text), raw=raw).items
    assert (item.value, item.port, item.protocol) == ("192.0.2.1", 22, "tcp")
    assert item.seen_at == datetime(2025, 3, 4, 1, tzinfo=UTC)
    assert item.place == "template one: column 'ip' in attachment attachment 2 archive member"


def test_of_a_long_file_tables_are_read_further_than_patterns() -> None:
    log = f"{'nothing ' * 100},\n" * 1_000 + "Source: 192.0.2.1\n,192.0.2.2\n"
    raw = multipart(f"Content-Type: text/csv; name=a.csv\n\n{log}", sender=SENDER)
    table = "{what: ip, table: {columns: [a, b], column: b}, attachment: {name: csv}}"
    line = "{what: ip, line: Source, attachment: {name: csv}}"
    parsed = read_with(template(f"take: [{line}, {table}]", fallback=False), raw=raw)
    assert parsed.ips == ["192.0.2.2"]
    assert "The templates read only the first 500000 bytes of a text." in parsed.defects


def test_what_templates_read_is_not_missing_to_others() -> None:
    log = "nothing here\n" * 50
    raw = multipart(f"Content-Type: text/x-log; name=a.log\n\n{log}spam from 192.0.2.1\n", sender=SENDER)
    one = template("take: [{what: ip, line: Source, attachment: {name: log}}]")
    parsed = read_with(one, raw=raw, limits=Limits(max_text_bytes=1_000))
    assert (parsed.template, parsed.ips) == ("default", ["192.0.2.1"])


def test_attachment_by_type_and_name() -> None:
    raw = multipart(
        "Content-Type: text/plain\n\nSource: 192.0.2.1",
        "Content-Type: text/x-log; name=a.log\n\nSource: 192.0.2.2",
        "Content-Type: text/x-log; name=b.log\n\nSource: 192.0.2.3",
        sender=SENDER,
    )
    for wanted, expected in (
        ("{type: text/x-}", ["192.0.2.2", "192.0.2.3"]),
        ("{type: text/x-log, name: '^b'}", ["192.0.2.3"]),
        ("{name: '^c'}", []),
    ):
        one = template(f"take: [{{what: ip, line: Source, attachment: {wanted}}}]", fallback=False)
        assert [item.value for item in read_with(one, raw=raw).items] == expected


XML = """<?xml version="1.0"?>
<n:Infringement xmlns:n="http://ns.example.org/"><Case><br><ID>42</ID></Case>
<Source><TimeStamp>2025-03-04T01:00:00Z</TimeStamp><IP_Address>192.0.2.1</IP_Address><Port>51413</Port>
<IP_Address/></Source>
<Source><TimeStamp>2025-03-04T02:00:00Z</TimeStamp><IP_Address> 192.0.2.2 </IP_Address><Port>6881</Port></Source>
<Other><IP_Address>192.0.2.3</IP_Address></Other><URL><![CDATA[http://a.example.org/?a&b]]></URL></n:Infringement>"""


def test_xml() -> None:
    text = """
    take:
      - {what: ip, xml: source/IP_Address, port: {xml: Source/Port}, time: {xml: TimeStamp}}
      - {what: url, xml: Infringement/URL}
    reference: {xml: ID}
    """
    parsed = read_with(template(text), raw=mail(XML, sender=SENDER))
    # no rule dates the URL: it gets the time that the text states
    assert [(i.value, i.port, i.seen_at and i.seen_at.hour) for i in parsed.items] == [
        ("192.0.2.1", 51413, 1), ("192.0.2.2", 6881, 2), ("http://a.example.org/?a&b", None, 2),
    ]  # fmt: skip
    assert parsed.reporter_reference == "42"


def test_xml_attributes() -> None:
    text = """
    take:
      - {what: url, xml: list/page/@url, time: {xml: report/@date}}
      - {what: ip, xml: page/@IP}
    """
    body = (
        "<report date='2025-03-04'><list><page url=\"http://a.example.org/?a&amp;b\" ip='192.0.2.1' />"
        '<n:page\n n:ip = "192.0.2.2" other-ip="192.0.2.9" url="">http://b.example.org/</n:page></list>'
        '<page url="http://c.example.org/"/></report>'
    )
    found = items(text, body)
    assert [item.value for item in found] == ["http://a.example.org/?a&b", "192.0.2.1", "192.0.2.2"]
    assert found[0].seen_at == datetime(2025, 3, 3, 23, tzinfo=UTC), "in the zone of the mail"


def test_what_one_rule_reads_without_the_port_of_another_is_the_same() -> None:
    rules = "take: [{what: ip, pattern: 'host/([0-9.]+)'}, {what: ip, line: IP}]"
    body = "IP: 192.0.2.1:80\nIP: 192.0.2.1:81\nSee host/192.0.2.1 and host/192.0.2.2"
    assert [(item.value, item.port) for item in items(rules, body)] == [
        ("192.0.2.2", None), ("192.0.2.1", 80), ("192.0.2.1", 81),
    ]  # fmt: skip


def test_html_is_read_as_a_person_sees_it_and_only_when_the_plain_text_gives_nothing() -> None:
    html = "Content-Type: text/html\n\n<table><tr><td><b>IP Address</b></td><td>192.0.2.1</td></tr></table>"
    one = template(IP_LINE, fallback=False)
    assert [i.value for i in read_with(one, raw=multipart(html, sender=SENDER)).items] == ["192.0.2.1"]
    for plain, expected in (("Our plain text says nothing.", "192.0.2.1"), ("IP Address: 192.0.2.2", "192.0.2.2")):
        both = multipart(f"Content-Type: text/plain\n\n{plain}", html, subtype="alternative", sender=SENDER)
        assert [item.value for item in read_with(one, raw=both).items] == [expected]


def test_decode() -> None:
    quoted = "take: [{what: url, line: Link, decode: qp}]"
    assert taken(quoted, "Link: http://a.example.org/?q=3D1&long=\n=3Dx") == ["http://a.example.org/?q=1&long=x"]
    markup = "take: [{what: url, line: Link, decode: html}]"
    assert taken(markup, "<p>Link: <a href='http://a.example.org/'>here</a></p>") == ["http://a.example.org/"]


def test_each_value_and_port_once() -> None:
    body = "IP: 192.0.2.1:80\nIP: 192.0.2.1:80\nIP: 192.0.2.1:81"
    assert [(item.value, item.port) for item in items("take: [{what: ip, line: IP}]", body)] == [
        ("192.0.2.1", 80), ("192.0.2.1", 81),
    ]  # fmt: skip


def test_what_a_rule_takes_may_have_a_category_of_its_own() -> None:
    rules = "category: Spam\ntake: [{what: ip, line: Scans, category: Intrusion}, {what: ip, line: Sends}]"
    parsed = read_with(template(rules), raw=mail("Scans: 192.0.2.1\nSends: 192.0.2.2", sender=SENDER))
    assert [(item.value, item.category) for item in parsed.items] == [("192.0.2.1", "Intrusion"), ("192.0.2.2", None)]
    assert parsed.category == "Spam"
