"""Small mails and feeds of every format the desk reads, for mutation; addresses of the documentation ranges only."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from base64 import encodebytes

HEAD = (
    "From: Reporter <soc@victim.example.com>\nTo: abuse@isp.example.net\nSubject: Complaint [#4711]\n"
    "Date: Tue, 04 Mar 2025 09:15:00 +0100\nMessage-ID: <1@victim.example.com>\n"
)
NOTE = "Content-Type: text/plain; charset=utf-8\n\nDear team, see below: hxxp://bad[.]example[.]org/x from 192.0.2.1\n"
SPAM = (
    "Content-Type: message/rfc822\n\nReceived: from mx1.victim.example.com (localhost [127.0.0.1]) by store; "
    "Mon, 3 Mar 2025 17:02:12 +0000\nReceived: from out.bulk.example.org (out.bulk.example.org [198.51.100.150])\n"
    "\tby mx.victim.example.com with ESMTP id 1; Mon, 3 Mar 2025 17:02:11 +0000\n"
    "From: offers@bulk.example.org\nDate: Mon, 3 Mar 2025 18:02:10 +0100\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n\n"
    "Buy http://land.bulk.example.org/\n"
)
ARF = (
    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\nSource-IP: 192.0.2.25"
    "\nSource-Port: 40025\nArrival-Date: Mon, 3 Mar 2025 14:00:00 -0500\nReported-Domain: bulk.example.org\n"
    "Reported-URI: http://land.bulk.example.org/?id=9\nReported-URI: mailto:offers@bulk.example.org\nIncidents: 3\n"
)
YAML = (
    'Content-Type: text/plain; name="report.txt"\n\n---\nReported-From: soc@victim.example.com\nCategory: abuse\n'
    "Report-Type: login-attack\nService: ssh\nVersion: 0.2\nDate: Mon,  3 Mar 2025 22:32:19 +0200\nSource-Type: ipv4\n"
    "Source: 203.0.113.77\nSource-Port: 4022\nPort: 22\nReport-ID: 103499@victim.example.com\n"
    "Schema-URL: http://www.x-arf.org/schema/abuse_login-attack_0.1.2.json\n"
)
XARF3 = {
    "Version": "3",
    "ReporterInfo": {"ReporterOrg": "X", "ReporterOrgEmail": "x@reporter.example.com"},
    "Report": {
        "ReportClass": "Content",
        "ReportType": "Phishing",
        "Date": "2025-03-04T07:00:00Z",
        "SourceIp": "192.0.2.55",
        "SourcePort": 54321,
        "Source": {"IP": "192.0.2.56", "Port": 1, "URL": "http://bad.example.org/"},
        "SourceUrl": "http://bad.example.org/login",
        "ReporterCaseID": "C-17",
        "Occurrences": 3,
    },
}
XARF4 = {
    "xarf_version": "4.2.0",
    "report_id": "f4a82ca4-28fb-4f09-a29c-0fe0706ac974",
    "timestamp": "2025-03-04T07:00:00Z",
    "reporter": {"org": "X", "contact": "x@reporter.example.com", "domain": "reporter.example.com"},
    "source_identifier": "2001:db8::55",
    "source_port": 45621,
    "category": "connection",
    "type": "login_attack",
    "protocol": "tcp",
    "url": "http://bad.example.org:8080/a?b=c",
    "attempt_count": 12,
    "confidence": 0.5,
    "last_seen": "2025-03-04T08:00:00+01:00",
}
STIX = {
    "type": "bundle",
    "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d",
    "objects": [
        {
            "type": "indicator",
            "pattern": "[ipv4-addr:value = '203.0.113.9' OR url:value = 'http://bad.example.org/a']",
            "pattern_type": "stix",
            "valid_from": "2025-03-01T00:00:00Z",
            "confidence": 80,
            "indicator_types": ["malicious-activity"],
            "name": "SSH brute force from 203.0.113.9",
        },
        {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "203.0.113.10"},
        {
            "type": "observed-data",
            "object_refs": ["ipv4-addr--1"],
            "objects": {"0": {"type": "url", "value": "http://x.example.org/"}},
            "number_observed": 4,
            "last_observed": "2025-03-02T00:00:00Z",
        },
    ],
}
MISP = {
    "Event": {
        "uuid": "5e7c61f0-5d38-4c8b-9d2d-0a3b0a3b0a3b",
        "info": "Phishing kit",
        "Tag": [{"name": 'rsit:fraud="phishing"'}],
        "Attribute": [
            {"type": "ip-dst|port", "value": "198.51.100.44|8443", "to_ids": True, "timestamp": "1741046400"},
            {
                "type": "url",
                "value": "http://bad.example.org/login",
                "to_ids": True,
                "last_seen": "2025-03-04T07:00:00",
            },
            {"type": "sha256", "value": "ab" * 32, "to_ids": True},
        ],
        "Object": [{"Attribute": [{"type": "domain|ip", "value": "bad.example.org|203.0.113.7", "to_ids": True}]}],
    }
}
TLSRPT = {
    "organization-name": "Mail Inc.",
    "report-id": "r-1",
    "date-range": {"start-datetime": "2025-03-03T00:00:00Z", "end-datetime": "2025-03-03T23:59:59Z"},
    "policies": [{"summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303}}],
}
SES = {
    "notificationType": "Complaint",
    "complaint": {"complaintFeedbackType": "abuse", "arrivalDate": "2025-03-04T07:00:00Z", "feedbackId": "f-1"},
    "mail": {"sourceIp": "192.0.2.77", "source": "a@example.org"},
}
IODEF = """<?xml version="1.0" encoding="UTF-8"?>
<iodef:IODEF-Document version="2.00" xmlns:iodef="urn:ietf:params:xml:ns:iodef-2.0"><iodef:Incident purpose="reporting">
<iodef:IncidentID name="csirt.example.com">492382</iodef:IncidentID>
<iodef:GenerationTime>2025-03-04T05:00:00Z</iodef:GenerationTime>
<iodef:Assessment><iodef:SystemImpact type="takeover-account"/>
<iodef:BusinessImpact ext-type="phish">a &amp; b</iodef:BusinessImpact>
</iodef:Assessment>
<iodef:EventData><iodef:DetectTime>2025-03-04T04:00:00+01:00</iodef:DetectTime><iodef:Flow>
<iodef:System category="source"><iodef:Node><iodef:Address category="ipv4-addr">192.0.2.200</iodef:Address></iodef:Node>
<iodef:Counter type="event">57</iodef:Counter>
<iodef:Service ip-protocol="6"><iodef:Port>60000</iodef:Port></iodef:Service></iodef:System>
<iodef:System category="target"><iodef:Node><iodef:Address>203.0.113.1</iodef:Address></iodef:Node></iodef:System>
</iodef:Flow></iodef:EventData><iodef:IndicatorData><iodef:Indicator><iodef:Observable><iodef:System><iodef:Node>
<iodef:Address category="ipv6-addr">2001:db8::9</iodef:Address></iodef:Node></iodef:System>
<iodef:BulkObservable><iodef:BulkObservableList>a.example.org b.example.org</iodef:BulkObservableList>
</iodef:BulkObservable>
</iodef:Observable></iodef:Indicator></iodef:IndicatorData></iodef:Incident></iodef:IODEF-Document>
"""
ACNS = """<?xml version="1.0" encoding="UTF-8"?>
<Infringement xmlns="http://www.acns.net/ACNS"><Case><ID>C-99</ID></Case>
<Complainant><Entity>Studio</Entity></Complainant>
<Source><TimeStamp>2025-03-04T07:00:00Z</TimeStamp><IP_Address>192.0.2.88</IP_Address><Port>6881</Port>
<DNS_Name>host.example.org</DNS_Name><Type>BitTorrent</Type><SubType BaseType="P2P" Protocol="BITTORRENT"/>
<URL_Base>http://x.example.org/f</URL_Base></Source>
<Content><Item><Title>A Film & More</Title><FileName>a.mkv</FileName></Item></Content></Infringement>
"""
DMARC = """<?xml version="1.0"?><feedback><report_metadata><org_name>mail.example</org_name><report_id>1-2</report_id>
<date_range><begin>1741046400</begin><end>1741132799</end></date_range></report_metadata>
<policy_published><domain>isp.example.net</domain></policy_published><record><row><source_ip>192.0.2.4</source_ip>
<count>7</count><policy_evaluated><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record></feedback>
"""
CSV = (
    '"timestamp","ip","port","protocol","asn","infection","url","sha256"\n'
    '"2025-03-03 08:15:02","192.0.2.19",50114,"tcp",64500,"botnet drone","http://x.example.org/a,b","'
    + "ab"
    * 32
    + '"\n"2025-03-03T22:41:37Z","203.0.113.30",41230,"udp",64500,"phishing","","-"\n'
    "2025-03-03 23:05:10,2001:db8::7,9001,6,64500,sinkhole,hxxp://y[.]example[.]org,\n"
)
SHADOWSERVER = (
    '"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","region","city"\n'
    '"2025-03-04 00:00:21","medium","192.0.2.10","tcp",22,"h.example.org","ssh","64500","AT","WIEN","VIENNA"\n'
)
LIST = "# addresses\n192.0.2.1\n192.0.2.7 ; comment\n203.0.113.0/29\nbad.example.org\nhttp://x.example.org/a\n"
PAIRS = (
    "Mar  4 07:00:01 fw kernel: SRC=192.0.2.3 DST=203.0.113.1 SPT=4242 DPT=22 PROTO=TCP\n"
    "Mar  4 07:00:02 fw kernel: SRC=192.0.2.4 DST=203.0.113.1 SPT=4243 DPT=23 PROTO=UDP\n"
)
RANGES = "start;end;time;category\n192.0.2.0;192.0.2.9;04.03.2025 07:00;spam\n1.0.0.0;255.255.255.254;1741046400;x\n"
JSONL = (
    '{"src": {"ip": "192.0.2.9", "port": 4000}, "time": 1741046400123, "type": "scan"}\n'
    '{"src": {"ip": 3221225994, "port": "x"}, "time": "2025-03-04T07:00:00+14:00", "urls": ["http://a.example.org/"]}\n'
)
PAGE = (
    "<html><body><table><tr><th>IP<th>Time<th>URL</tr><tr><td>192.0.2.5<td>2025-03-04 07:00<td>"
    "<a href='http://x.example.org/'>http://x.example.org/</a></tr><!-- <td> --></table></body></html>"
)
ANSWER = (
    "Thank you, that is fixed.\n\n-- \nJane\n\nOn Mon, 3 Mar 2025 at 10:02, Abuse <abuse@isp.example.net>\nwrote:\n"
    "> we saw attacks from 192.0.2.1\n>> and from 192.0.2.2\n\nVon: Abuse\nGesendet: Montag, 3. März 2025 10:02\n"
    "An: x@example.org\nBetreff: [ticket] 192.0.2.1\n\nalter Text\n"
)
LOG = (
    "Source: 192.0.2.14:4711 (dynamic.example.org) Time zone: GMT+2\nMar  3 23:59:59 sshd[1]: Failed password for root "
    'from 192.0.2.14 port 40022 ssh2\n[03/Mar/2025:23:59:59 +0100] "GET /a HTTP/1.1" 203.0.113.9\n3.3.2025 um 10:00 '
    "from 2001:db8::1:8080, [2001:db8::2]:443, 192.0.2[.]7, 1.2.3.4.5, hxxps[:]//b[.]example[.]org:81/a(b)[c]\n"
    "Domain: c.example.org\nSHA256: " + "cd" * 32 + "\nwww.example.org/x foo@example.org IDN: http://bücher.example/\n"
)


def multipart(*parts: str, head: str = HEAD, subtype: str = "mixed") -> bytes:
    """A multipart mail; each part is its header lines, a blank line and its body."""
    body = "".join(f"--bound\n{part}\n" for part in parts) + "--bound--\n"
    return f'{head}MIME-Version: 1.0\nContent-Type: multipart/{subtype}; boundary="bound"\n\n{body}'.encode()


def attached(content: bytes, name: str, content_type: str = "application/octet-stream") -> str:
    """A part with a file in base64."""
    return (
        f"Content-Type: {content_type}; name={name}\nContent-Disposition: attachment; filename={name}\n"
        f"Content-Transfer-Encoding: base64\n\n{encodebytes(content).decode()}"
    )


def zipped(method: int = zipfile.ZIP_DEFLATED, **files: bytes) -> bytes:
    """A zip archive; `__` in a name stands for its dot."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", ".")), content, method)
    return packed.getvalue()


def seven_zipped(dictionary: int = 1 << 16, /, **files: bytes) -> bytes:
    """A 7z archive with all files in one LZMA2 stream and a plain header; `__` in a name stands for its dot."""
    chain = [{"id": lzma.FILTER_LZMA2, "dict_size": dictionary}]
    packed = lzma.compress(b"".join(files.values()), lzma.FORMAT_RAW, filters=chain)

    def number(value: int) -> bytes:
        return bytes([value]) if value < 0x80 else b"\xff" + value.to_bytes(8, "little")

    sizes = [len(content) for content in files.values()]
    names = b"".join(f"{name}\0".replace("__", ".").encode("utf-16-le") for name in files)
    crcs = b"".join(struct.pack("<I", zlib.crc32(content)) for content in files.values())
    bits = 2 * (dictionary.bit_length() - 12)
    header = (
        b"\x01\x04\x06\x00\x01\x09" + number(len(packed)) + b"\x00"
        b"\x07\x0b\x01\x00\x01\x21\x21\x01" + bytes([bits]) + b"\x0c" + number(sum(sizes)) + b"\x00"
        b"\x08\x0d" + number(len(files)) + b"\x09" + b"".join(map(number, sizes[:-1])) + b"\x0a\x01" + crcs + b"\0\0"
        b"\x05" + number(len(files)) + b"\x11" + number(len(names) + 1) + b"\x00" + names + b"\x00\x00"
    )  # fmt: skip
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def tarred(content: bytes) -> bytes:
    """A tar archive with one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo("a.txt")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def winmail(content: bytes) -> bytes:
    """A TNEF stream (winmail.dat) with the subject, a text and one file."""

    def attribute(level: int, number: int, data: bytes) -> bytes:
        return struct.pack("<BII", level, number, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)

    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(1, 0x00089006, struct.pack("<I", 0x10000))
        + attribute(1, 0x00018004, b"Complaint\0")
        + attribute(1, 0x0002800C, b"Spam from 192.0.2.1\0")
        + attribute(2, 0x00069002, b"\1\0" + b"\xff" * 12)
        + attribute(2, 0x00018010, b"evidence.txt\0")
        + attribute(2, 0x0006800F, content)
    )


def mails() -> list[bytes]:
    """One mail of each format, and some of every way to pack it."""
    documents = (("xarf.json", XARF3), ("xarf.json", XARF4), ("s.stix", STIX), ("misp.json", MISP), ("r.json", TLSRPT))
    found = [
        HEAD.encode() + b"\n" + LOG.encode(),
        HEAD.encode() + b"Content-Type: text/plain; charset=utf-16\n\n" + LOG.encode("utf-16"),
        HEAD.encode() + b"In-Reply-To: <2@isp.example.net>\n\n" + ANSWER.encode(),
        HEAD.encode() + b"\n" + json.dumps(XARF4).encode(),
        HEAD.encode() + b"\n" + json.dumps(SES).encode(),
        HEAD.encode() + b"\n" + ACNS.encode(),
        multipart(NOTE, ARF, SPAM, subtype="report"),
        multipart(NOTE, YAML, SPAM, head=HEAD + "X-XARF: PLAIN\n"),
        multipart(NOTE, attached(zipped(r1__txt=YAML.encode()), "r.zip"), head=HEAD + "X-XARF: BULK\n"),
        multipart(NOTE, SPAM, SPAM.replace("message/rfc822", "text/rfc822-headers"), subtype="digest"),
        multipart(NOTE, f"Content-Type: text/html\n\n{PAGE}", subtype="alternative"),
        multipart(NOTE, attached(zipped(a__csv=CSV.encode(), b__json=JSONL.encode()), "feed.zip")),
        multipart(NOTE, attached(zipped(zipfile.ZIP_LZMA, a__csv=CSV.encode()), "feed.zip")),
        multipart(NOTE, attached(zipped(zipfile.ZIP_BZIP2, a__csv=CSV.encode(), d__xml=DMARC.encode()), "feed.zip")),
        multipart(NOTE, attached(gzip.compress(CSV.encode()), "feed.csv.gz", "application/gzip")),
        multipart(NOTE, attached(gzip.compress(tarred(LOG.encode())), "logs.tar.gz", "application/gzip")),
        multipart(NOTE, attached(tarred(CSV.encode()), "logs.tar", "application/x-tar")),
        multipart(NOTE, attached(seven_zipped(a__csv=CSV.encode(), b__eml=SPAM.encode()), "logs.7z")),
        multipart(NOTE, attached(SHADOWSERVER.encode(), "2025-03-04-scan_ssh-isp.csv", "text/csv")),
        multipart(
            NOTE, attached(gzip.compress(DMARC.encode()), "mail.example!isp.example.net!1741046400!1741132799.xml.gz")
        ),
        multipart(NOTE, attached(IODEF.encode("utf-16"), "incident.xml", "text/xml")),
        multipart(NOTE, attached(winmail(LOG.encode()), "winmail.dat", "application/ms-tnef")),
        multipart(NOTE, attached(SPAM.encode(), "spam.eml")),
        multipart(f"Content-Type: text/plain; name*0*=utf-8''a%00; name*1=b\n\n{LOG}"),
    ]
    return found + [
        multipart(NOTE, attached(json.dumps(document).encode(), name, "application/json"))
        for name, document in documents
    ]


def feeds() -> list[bytes]:
    """Files that come without a mail: tables, lists, documents, packed ones."""
    texts = (CSV, SHADOWSERVER, LIST, PAIRS, RANGES, JSONL, PAGE, IODEF, ACNS, DMARC)
    plain = [text.encode() for text in texts]
    plain += [json.dumps(value).encode() for value in (XARF3, [XARF4, XARF4], STIX, MISP, TLSRPT, SES)]
    plain += [json.dumps([json.loads(line) for line in JSONL.splitlines()], indent=1).encode(), CSV.encode("utf-16")]
    packed = [gzip.compress(CSV.encode()), tarred(CSV.encode()), zipped(x__csv=CSV.encode(), y__html=PAGE.encode())]
    packed += [zipped(method, a__csv=RANGES.encode()) for method in (zipfile.ZIP_STORED, zipfile.ZIP_LZMA)]
    packed += [seven_zipped(a__csv=CSV.encode(), b__json=JSONL.encode())]
    return plain + packed


def texts() -> list[bytes]:
    """Running texts, logs, answers, pages and single values."""
    return [text.encode() for text in (LOG, ANSWER, PAGE, PAIRS, LIST, SPAM, NOTE)]
