"""Reports of scans and sinkholes: which column is ours, when it was, and what category the kind of report gives."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from abuse.parsers import ItemKind, MailKind, ParserContext, parse
from abuse.parsers.context import CATEGORIES
from abuse.parsers.feeds import columns, report_types
from abuse.parsers.feeds.layout import Role

from .building import CONTEXT, mailed, only, read, values, zipped

NAME = "2026-11-22-scan_ntp-isp-asn.csv"
SCAN = '"timestamp","ip","protocol","port","hostname","tag","asn","geo","region","city","naics","sic","version"\n'
SCAN_ROW = '"2026-11-22 04:05:06","203.0.113.7","udp",123,"h7.isp.example","ntp",64500,"FR","IDF","PARIS",0,0,"4"\n'
CSV = (SCAN + SCAN_ROW).encode()
EVENT = (
    "timestamp,protocol,src_ip,src_port,src_asn,src_geo,dst_ip,dst_port,dst_asn,dst_geo,family,infection\n"
    "2026-11-22 04:05:06,tcp,203.0.113.7,50001,64500,FR,198.51.100.9,80,64501,DE,mirai,mirai\n"
)


def test_a_scan_names_the_open_service() -> None:
    parsed = read(CSV, NAME)
    item = only(parsed)
    assert (item.kind, item.value, item.port, item.protocol) == (ItemKind.IP, "203.0.113.7", 123, "udp")
    assert item.seen_at == datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC)
    assert (parsed.kind, parsed.category, parsed.rsit_class) == (MailKind.FEED, "Network Attack", "vulnerable")
    assert parsed.template == "shadowserver:scan_ntp"


def test_the_time_is_utc_whatever_the_desks_zone_is() -> None:
    parsed = read(CSV, context=ParserContext(tzdefault=ZoneInfo("Europe/Paris")))
    assert only(parsed).seen_at == datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC)


def test_an_event_is_about_its_source_and_not_about_the_sinkhole() -> None:
    item = only(read(EVENT, "2026-11-22-event4_sinkhole-isp.csv"))
    assert (item.value, item.port, item.category) == ("203.0.113.7", 50001, "Malware")


def test_of_a_flood_that_honeypots_saw_both_sides_are_looked_up() -> None:
    parsed = read(EVENT, "2026-11-22-event4_honeypot_ddos_target-isp.csv")
    assert {(item.value, item.port) for item in parsed.items} == {("203.0.113.7", 50001), ("198.51.100.9", 80)}
    assert {item.category for item in parsed.items} == {"Network Attack"}


@pytest.mark.parametrize(
    ("raw", "template"),
    [
        (mailed(zipped({NAME: CSV}), NAME + ".zip"), "scan_ntp"),
        (mailed(gzip.compress(CSV), NAME + ".gz"), "scan_ntp"),
        (mailed(CSV, NAME, kind="text/csv"), "scan_ntp"),
        (mailed(CSV, "report.csv", subject="[isp] Shadowserver scan_ntp Report: 2026-11-22"), "scan_ntp"),
        (zipped({NAME: CSV}), "scan_ntp"),
        (gzip.compress(CSV), "scan_unnamed"),
        (CSV, "scan_unnamed"),
    ],
    ids=["zip in a mail", "gzip in a mail", "csv in a mail", "named by the subject", "zip", "gzip", "csv"],
)
def test_the_ways_a_report_comes(raw: bytes, template: str) -> None:
    parsed = parse(raw, CONTEXT)
    item = only(parsed)
    assert (item.value, item.port, item.category) == ("203.0.113.7", 123, "Network Attack")
    assert parsed.template == f"shadowserver:{template}"
    assert parsed.kind is (MailKind.ABUSE_REPORT if raw.startswith(b"From") else MailKind.FEED)


def test_what_the_text_of_the_mail_names_is_not_accused_beside_the_report() -> None:
    text = "Download at https://dl.scanner.example/abc from 198.51.100.1"
    assert values(parse(mailed(CSV, NAME, text=text), CONTEXT)) == [("IP", "203.0.113.7")]


def test_a_report_without_events_is_said_to_be_one() -> None:
    raw = mailed(zipped({NAME: b""}), NAME + ".zip", subject="Shadowserver Sample Report: 2026-11-22")
    parsed = parse(raw, CONTEXT)
    assert (parsed.kind, parsed.template, parsed.items) == (MailKind.ABUSE_REPORT, "shadowserver:scan_ntp", ())


def test_an_unknown_column_is_no_error_and_is_told() -> None:
    parsed = read(SCAN.replace('"version"', '"frobnication_level"') + SCAN_ROW)
    assert only(parsed).value == "203.0.113.7"
    assert parsed.feed is not None
    assert parsed.feed.unknown_columns == ("frobnication_level",)
    assert any("frobnication_level" in defect for defect in parsed.defects)


def test_columns_in_another_order_and_fewer_of_them() -> None:
    item = only(read("geo,asn,ip,timestamp\nFR,64500,203.0.113.7,2026-11-22 04:05:06\n", "2026-11-22-scan_new-isp.csv"))
    assert (item.value, item.category) == ("203.0.113.7", "Network Attack")


def test_a_kind_of_report_that_is_not_known_yet_is_read_all_the_same() -> None:
    parsed = read(CSV, "2026-11-22-quantum_leak-isp.csv")
    assert only(parsed).value == "203.0.113.7"
    assert parsed.template == "shadowserver:scan_unnamed"


@pytest.mark.parametrize(
    ("tag", "category"),
    [("phishing", "Phishing"), ("hacked-webserver-malware", "Malware"), ("defaced", "Intrusion"), ("", "Intrusion")],
)
def test_the_tag_says_the_category_of_a_compromised_site(tag: str, category: str) -> None:
    header = "timestamp,ip,port,hostname,tag,application,asn,geo,url,http_host,category,detected_since\n"
    row = f"2026-11-22 01:00:00,203.0.113.7,80,,{tag},http,64500,FR,/a/b.php,shop.example.org,,\n"
    parsed = read(header + row, "2026-11-22-compromised_website-isp.csv")
    accused = [("IP", "203.0.113.7"), ("URL", "http://shop.example.org/a/b.php"), ("FQDN", "shop.example.org")]
    assert values(parsed) == accused
    assert {item.category for item in parsed.items} == {category}


def test_a_phishing_report_accuses_page_name_and_address() -> None:
    header = "timestamp,url,host,ip,asn,geo,source\n"
    row = "2026-11-22 01:00:00,https://login.example.org/x,login.example.org,203.0.113.7,1,FR,s\n"
    parsed = read(header + row, "2026-11-22-phish_url-isp.csv")
    accused = {("IP", "203.0.113.7"), ("URL", "https://login.example.org/x"), ("FQDN", "login.example.org")}
    assert set(values(parsed)) == accused
    assert (parsed.category, parsed.rsit_class) == ("Phishing", "fraud")


def test_the_table_of_report_types_is_sound() -> None:
    table = report_types._table()
    kinds = [kind for _, kind in table.types] + [table.default]
    said = {kind.category for kind in kinds} | {category for kind in kinds for _, category in kind.tags}
    assert said | {category for _, category in table.words} <= set(CATEGORIES)
    assert {kind.rsit for kind in kinds} <= {
        "abusive-content", "malicious-code", "information-gathering", "intrusion-attempts", "intrusions",
        "availability", "information-content-security", "fraud", "vulnerable", "other",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("scan_rdp", "Network Attack"), ("scan6_ssh", "Network Attack"), ("dns_openresolver", "Network Attack"),
        ("event4_ddos_participant", "Network Attack"), ("botnet_drone", "Malware"), ("malware_url", "Malware"),
        ("event6_sinkhole_http", "Malware"), ("spam_url", "Spam"), ("blocklist", "Spam"), ("device_id", "Other"),
        ("event4_honeypot_brute_force", "Intrusion"), ("event4_honeypot_http_scan", "Intrusion"),
    ],
)  # fmt: skip
def test_kinds_of_reports(name: str, category: str) -> None:
    kind = report_types.by_name(name)
    assert kind is not None
    assert (kind.name, kind.category) == (name, category)


@pytest.mark.parametrize(
    ("file_name", "subject", "expected"),
    [
        ("2026-11-22-scan_ntp-isp-asn.csv", "", "scan_ntp"),
        ("reports/2026-11-22-Scan_NTP-isp.csv.zip", "", "scan_ntp"),
        ("2026-11-22-blocklist-isp.csv", "", "blocklist"),
        ("scan_ntp.csv", "", "scan_ntp"),
        ("my_list.csv", "", None),
        ("report.csv", "Shadowserver dns_openresolver Report: 2026-11-22", "dns_openresolver"),
        ("report.csv", "Shadowserver Foundation reports", None),
    ],
)
def test_names_of_reports(file_name: str, subject: str, expected: str | None) -> None:
    assert report_types.type_name(file_name, subject) == expected


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Source IP", Role.ADDRESS), ("SourceIp", Role.ADDRESS), ("src_ip", Role.ADDRESS), ("IP-Address", Role.ADDRESS),
        ("First Seen (UTC)", Role.TIME), ("timestamp", Role.TIME), ("URL", Role.URL), ("domain", Role.HOST),
        ("dst_ip", Role.KNOWN), ("cc_port", Role.KNOWN), ("hostname", Role.REVERSE_NAME), ("IOC", Role.THING),
        ("wobbliness", Role.UNKNOWN),
    ],
)  # fmt: skip
def test_names_of_columns(name: str, role: Role) -> None:
    assert columns.role_of(columns.normalised(name)) is role


def test_no_column_has_two_roles() -> None:
    data = yaml.safe_load(Path(columns.__file__).with_name("columns.yml").read_text("utf-8"))
    names = [name for role in data["roles"].values() for name in role] + data["known"]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if columns.normalised(name) != name] == []
