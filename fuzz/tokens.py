"""Pieces that have broken parsers elsewhere: bytes, numbers, dates, hosts, labels and whole values."""

from __future__ import annotations

BYTES = (
    b"\0", b"\r", b"\n", b"\r\n\r\n", b"\n\n", b"\x0b", b"\x0c", b"\x1a", b"\x1b$B", b"\x7f", b"\x80", b"\x85",
    b"\xa0", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x8f\xbf\xbf",
    b"\xc0\x80", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b"\xef\xbf\xbd", b"\xcc\x80", b"\xc3\x9f",
    b"\xc4\xb0", b"+2AA-", b"=", b"==", b'"', b"'", b"(", b")", b"<", b">", b"[", b"]", b"{", b"}", b":", b"::", b";",
    b",", b"|", b"\\", b"\\\\", b"/", b"//", b"%", b"&", b"&#0;", b"&#xD800;", b"&#1114112;", b"&lt", b"*", b"#",
    b"@", b"~", b"-", b"--", b"_____", b".", b"..", b"$", b"^", b"`", b"!", b"?", b"\t", b"  ", b"\xe3\x80\x82",
    b"\xd9\xa3", b"\xb2",
)  # fmt: skip
WORDS = (
    b"=?utf-8?Q?a=00?=", b"=?utf-8?B?7aCA?=", b"=?utf-7?Q?+2AA-?=", b"=?x?q??=", b"=?", b"?=", b"=?utf-16?b?2AAA?=",
    b"%00", b"%ED%A0%80", b"[.]", b"(dot)", b" dot ", b"hxxp://", b"http://", b"http://[::1]/", b"http://[", b"://",
    b"http://a.example.org:99999/", b"http://user:pw@b.example.org/", b"\\ud800", b"\\u0000", b"\\", b"\n--bound\n",
    b"\n--bound--\n", b"\n--", b"\nContent-Type: message/rfc822\n\n", b"\nContent-Transfer-Encoding: base64\n",
    b"\nFrom: ", b"\n.\n", b"\nFrom x\n", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<td>", b"<tr>", b"<table>", b"<a href=", b"<script>", b"&b;",
    b'{"Report":', b'{"a":[', b"null", b"NaN", b"1e999", b"!!python/object:x", b"&a [*a]", b"- - - ", b"? ", b"---\n",
    b"---\n...\n", b"\n-- \n", b"On Mon, X wrote:\n", b"-----Original Message-----\n", b"> > > ", b"begin 644 a\n",
    b"Received: from x [192.0.2.9]\n", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"ustar", b"x\x9f>\"",
    b"\xd0\xcf\x11\xe0", b"{\\rtf1 ", b"LZFu", b"192.0.2.1", b"2001:db8::1", b"2001:db8::1/64", b"192.0.2.0/24",
    b"xn--a", b"xn--", b"\xe2\x93\x94", b"a\xcc\x80.example", b"\xef\xbc\x8e", b"IP: ", b"URL: ", b"Date: ",
    b"Port: ",
)  # fmt: skip
NUMBERS = (
    b"0", b"-1", b"1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967296", b"999999999",
    b"9999999999", b"9999999999999", b"999999999999999999", b"18446744073709551616", b"00000000001", b"0x7f", b"1e9",
    b"1.5", b"9" * 400, b"9" * 5000, b"\xd9\xa3\xd9\xa4", b"\xc2\xb2", b"\xe0\xa5\xa7", b"", b"+5", b"1_000",
)  # fmt: skip
DATES = (
    b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"0000-00-00 00:00:00", b"2025-02-30 10:00:00",
    b"0001-01-01 00:00:00", b"9999-12-31 23:59:59", b"2025-03-04T24:00:00Z", b"2025-03-04T07:00:60Z",
    b"2025-03-04T07:00:00+99:99", b"2025-W10-2T07:00", b"Mon, 01 Jan 0001 00:00:00 +2359", b"2025-03-30 02:30:00",
    b"Fri, 31 Dec 9999 23:59:59 -2359", b"Tue, 04 Mar 2025 09:15:00 +999999", b"Tue, 04 Mar 2025 99:99:99 GMT",
    b"Tue, 04 Mar 99999 09:15:00 +0000", b"Jan 01 00:00:00", b"Dec 31 23:59:59", b"Feb 29 10:00:00", b"-62135596800",
    b"253402300800", b"9999999999999", b"999999999999999999", b"1e400", b"04/Mar/2025:07:00:00 +0100", b"00:00:00",
    b"31.12.9999 23:59:59", b"1.1.0001 00:00", b"0.0.2025 10:00", b"99990101000000", b"2025-03-04 07:00:00 CEST",
    b"2025-03-04 07:00:00 (UTC-12)", b"2025-03-04 07:00:00.123456789", b"\xd9\xa2025-03-04 07:00:00", b"4 mars 2025",
)  # fmt: skip
HOSTS = (
    b"0.0.0.0", b"255.255.255.255", b"127.0.0.1", b"10.0.0.1", b"192.0.2.1", b"192.0.2.01", b"192.0.2.256", b"1.2.3",
    b"1.2.3.4.5", b"192.0.2.1/33", b"192.0.2.1/24", b"0.0.0.0/0", b"::", b"::1", b"2001:db8::g", b"2001:db8::1%eth0",
    b"::ffff:192.0.2.1", b"[2001:db8::1]:80", b"2001:db8::/129", b"2001:db8::/32", b"1:2:3:4:5:6:7:8:9",
    b"192.0.2.1:0", b"192.0.2.1:99999", b"a.b", b"example.org.", b".example.org", b"-a.example.org",
    b"a..example.org", b"xn--a.example", b"xn--\xff.example", b"b\xc3\xbccher.example", b"\xe2\x93\x94.example",
    b"a" * 64 + b".example.org", b"a." * 130 + b"org", b"com", b"co.uk", b"localhost", b"a_b.example.org",
    b"\xe3\x80\x82example\xe3\x80\x82org", b"\xc4\xb0.example.org", b"hxxp://bad[.]example[.]org",
    b"http://[2001:db8::1]/", b"http://192.0.2.1:80/", b"http:///", b"http://a@b@c.example.org/",
    b"ftp://x.example.org", b"javascript:alert(1)", b"http://\xef\xbc\x8e/", b"http://x.example.org\\@y.example.org/",
    b"http://[v1.a]/", b"http://[::1", b"http://a].example.org/", b"mailto:a@example.org", b"@example.org", b"a@b",
    b"*.example.org", b"ipv6:2001:db8::5", b"\xd9\xa1.2.3.4", b"1.2.3.\xc2\xb2", b"http://\xe2\x84\x80.example.org/",
    b"http://a\xe2\x84\x82/b.example",
)  # fmt: skip
LABELS = (
    b"utf-8", b"utf-7", b"utf-16", b"utf-32", b"utf-16-le", b"unicode_escape", b"idna", b"punycode", b"rot13",
    b"zlib", b"iso-2022-jp", b"iso-2022-kr", b"hz", b"cp037", b"cp1006", b"mbcs", b"undefined", b"x-unknown", b"big5",
    b"johab", b"utf-8-sig", b"ascii", b"raw_unicode_escape", b"base64", b"quoted-printable", b"x-uuencode", b"binary",
    b"8bit", b"text/html", b"text/plain", b"text/csv", b"application/json", b"application/zip", b"application/gzip",
    b"message/rfc822", b"message/feedback-report", b"message/delivery-status", b"message/partial", b"multipart/mixed",
    b"multipart/alternative", b"multipart/report", b"multipart/digest", b"multipart/signed", b"multipart/encrypted",
    b"text/rfc822-headers", b"application/ms-tnef", b"text/xml", b"application/pkcs7-mime", b"text", b"/", b"",
    b"text/rtf", b"text/calendar", b"application/x-tar", b"application/octet-stream",
    b"message/disposition-notification",
)  # fmt: skip
VALUES = (
    b"", b" ", b"x", b"\0", b"\xff", b"\xed\xa0\x80", b"=?utf-8?B?7aCA?=", b"=?utf-16?B?2AA=?=", b"<>", b"<@>", b"@",
    b"a@b", b"<a@example.org>", b'"a" <b@example.org>, c@example.org (d)', b"<" * 300, b"(" * 300, b'"' * 301,
    b"a" * 5_000, b"undisclosed-recipients:;", b"multipart/mixed; boundary=", b'multipart/mixed; boundary="bound"',
    b"multipart/mixed; boundary*0*=utf-8''%00; boundary*1=b", b"text/plain; charset*=x'y'z; name*99999=a",
    b"text/csv; name=a.csv", b"application/zip; name=a.zip", b"attachment; filename*=utf-16''%D8%00.csv",
    b"auto-replied", b"attachment; filename=\"../../etc/passwd\"", b"base64", b"BULK", b"SECURE", b"bulk", b"list",
    b"failure; 5.1.1", b"ticket+1.Spam@isp.example.net", b"ticket+99999999999999999999.Spam.x@isp.example.net",
    b"spf=pass (a) smtp.mailfrom=b", b"[192.0.2.1]", b"from a ([IPv6:2001:db8::1]) by b; 1 Jan 0001 00:00:00 +2359",
    b"v=1; d=" + b"a." * 150 + b"org", b"Tue, 04 Mar 2025 09:15:00 +2460", b"Thu, 01 Jan 1970 00:00:00 -0000", b"1",
    b"1.5", b"-1", b"NaN", b"true", b"[]", b"{}", b"http://x.example.org/", b"192.0.2.1", b"2001:db8::1",
    b"Feedback-Type: abuse", b"Re: [x] \xe2\x80\xae",
)  # fmt: skip
