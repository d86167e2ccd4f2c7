"""Incidents in IODEF."""

from __future__ import annotations

from datetime import UTC, datetime

from abuse.parsers import ItemKind, MailKind, ParsedEmail

from ..samples import multipart, read, values

VERSION_2 = """<?xml version="1.0"?>
<IODEF-Document version="2.00" xmlns="urn:ietf:params:xml:ns:iodef-2.0">
 <Incident purpose="reporting"><IncidentID name="csirt.example.com">189493</IncidentID>
  <ReportTime>2025-03-04T06:58:00+00:00</ReportTime>
  <Assessment><SystemImpact type="takeover-account"/></Assessment>
  <Contact type="organization" role="creator"><Email><EmailTo>csirt@example.com</EmailTo></Email></Contact>
  <EventData><StartTime>2025-03-04T05:00:00+00:00</StartTime>
   <Flow><System category="source"><Node><Address category="ipv4-addr">192.0.2.210</Address></Node>
     <Counter type="event">57</Counter><Service ip-protocol="6"><Port>4022</Port></Service></System>
    <System category="target"><Node><Address category="ipv4-net">198.51.100.0/24</Address></Node></System></Flow>
  </EventData>
 </Incident>
</IODEF-Document>
"""
VERSION_1 = """<iodef:IODEF-Document version="1.00" xmlns:iodef="urn:ietf:params:xml:ns:iodef-1.0">
 <iodef:Incident purpose="mitigation"><iodef:IncidentID name="x">7</iodef:IncidentID>
  <iodef:Assessment><iodef:Impact type="recon"/></iodef:Assessment>
  <iodef:EventData><iodef:Flow><iodef:System category="source"><iodef:Node>
    <iodef:Address category="ipv6-addr">2001:DB8::7</iodef:Address>
  </iodef:Node></iodef:System></iodef:Flow></iodef:EventData>
 </iodef:Incident></iodef:IODEF-Document>
"""


def attached(document: str, words: str = "IODEF attached.") -> ParsedEmail:
    return read(multipart(f"Content-Type: text/plain\n\n{words}\n", f"Content-Type: application/xml\n\n{document}"))


def test_version_2() -> None:
    parsed = attached(VERSION_2)
    (item,) = parsed.items
    assert (item.kind, item.value, item.port, item.times) == (ItemKind.IP, "192.0.2.210", 4022, 57)
    assert item.seen_at == datetime(2025, 3, 4, 5, tzinfo=UTC)
    assert (parsed.kind, parsed.template, parsed.reporter_reference) == (MailKind.ABUSE_REPORT, "iodef", "189493")
    assert (parsed.category, parsed.xarf_type, parsed.rsit_class) == (
        "Intrusion",
        "content-remote_compromise",
        "intrusions",
    )


def test_version_1_with_prefixes() -> None:
    parsed = attached(VERSION_1)
    assert values(parsed) == ["2001:db8::7"]
    assert (parsed.category, parsed.xarf_type) == ("Intrusion", "connection-reconnaissance")


def test_without_an_assessment_the_mail_says_what_it_is_about() -> None:
    document = VERSION_2.replace('<Assessment><SystemImpact type="takeover-account"/></Assessment>', "")
    assert attached(document, "A phishing site, IODEF attached.").category == "Phishing"


def test_indicators() -> None:
    indicator = (
        "<IndicatorData><Indicator><StartTime>2025-03-01T00:00:00Z</StartTime><Observable><BulkObservable "
        'type="ipv4-addr"><BulkObservableList>192.0.2.1\n192.0.2.2</BulkObservableList></BulkObservable></Observable>'
        "</Indicator></IndicatorData></Incident>"
    )
    start, _, end = VERSION_2.partition("<EventData>")
    document = start + indicator + end.partition("</Incident>")[2]
    assert values(attached(document)) == ["192.0.2.1", "192.0.2.2"]
