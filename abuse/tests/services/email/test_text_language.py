"""The language of texts: what it understands, what it refuses, and what it may cost."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from abuse.services.email.texts import LANGUAGES, TextError, render
from abuse.services.email.texts.checking import check
from abuse.services.email.texts.engine import MAX_OUTPUT, MAX_STEPS
from abuse.services.email.texts.formats import format_date
from abuse.services.email.texts.writing import Parts, fill

MOMENT = datetime(2026, 11, 24, 7, 4, 5, tzinfo=UTC)


def write(source: str, **variables: Any) -> str:
    return render(source, variables, name="t")


def test_plain_text_is_not_escaped_and_html_is() -> None:
    assert write("{{ x }}", x="a<b & 'c'") == "a<b & 'c'"
    assert render("<p>{{ x }}</p>", {"x": "a<b & 'c'"}, name="t", html=True) == "<p>a&lt;b &amp; &#39;c&#39;</p>"


def test_conditions_and_loops() -> None:
    source = (
        "{% for row in rows %}{{ loop.index }}:{{ row.a }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}"
    )
    assert write(source, rows=[{"a": "x"}, {"a": "y"}]) == "1:x, 2:y"
    assert write(source, rows=[]) == "none"
    assert write('{% if a == "x" and n > 2 %}yes{% else %}no{% endif %}', a="x", n=3) == "yes"


def test_filters() -> None:
    assert write("{{ x|indent(2) }}", x="a\n\nb") == "  a\n\n  b"
    assert (
        write("{{ x|limit(3) }}|{% for y in ys|limit(2) %}{{ y }}{% endfor %}", x="abcdef", ys=["1", "2", "3"])
        == "abc…|12"
    )
    assert write("{{ d|date('day') }}", d=MOMENT) == "24 November 2026"
    assert write("[{{ d }}][{{ d|date }}]", d=None) == "[][]"


@pytest.mark.parametrize(
    ("lang", "written"),
    [
        ("EN", "24 November 2026, 07:04 (UTC)"),
        ("FR", "24 novembre 2026 à 07:04 (UTC)"),
        ("DE", "24. November 2026, 07:04 Uhr (UTC)"),
        ("ES", "24 de noviembre de 2026, 07:04 h (UTC)"),
        ("IT", "24 novembre 2026, ore 07:04 (UTC)"),
        ("NL", "24 november 2026, 07:04 uur (UTC)"),
        ("PL", "24 listopada 2026, godz. 07:04 (UTC)"),
        ("PT", "2026-11-24 07:04:05+00:00"),
    ],
)
def test_moments_are_written_as_people_write_them(lang: str, written: str) -> None:
    assert format_date(MOMENT, lang) == written
    assert render("{{ d }}", {"d": MOMENT}, name="t", lang=lang) == written


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.__class__ }}",
        "{{ x['__class__'] }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ x.upper() }}",
        "{{ x.format }}",
        "{{ rows[0].items }}",
        "{{ rows.append }}",
        "{{ cycler('a') }}",
        "{{ cycler }}",
        "{{ lipsum(5) }}",
        "{{ joiner() }}",
        "{{ namespace(a=1) }}",
        "{{ dict(a=1) }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ _budget }}",
        "{{ loop.cycle('a') }}",
        "{% for r in rows %}{{ loop.cycle('a') }}{% endfor %}",
        "{% for r in rows %}{{ loop._iterator }}{% endfor %}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 9" + "9" * 5000 + " }}",
        "{% set a = 1 %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for r in rows recursive %}{{ loop(rows) }}{% endfor %}",
        "{% include x %}",
        "{% include ['a', 'b'] %}",
        "{% include '../../etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'base' %}",
        "{% block a %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ x|attr('__class__') }}",
        "{{ x|map('upper') }}",
        "{{ x|safe }}",
        "{{ x|_counted }}",
        "{{ x is defined }}",
        "{{ x ~ x }}",
        "{{ [x, x] }}",
        "{{ rows }}",
        "{{ x|indent(100000) }}",
        "{{ x|indent(n) }}",
        "{{ x[::-1] }}",
        "{% for c in x %}{{ c }}{% endfor %}",
        "{{ missing }}",
        "{% if missing %}{% endif %}",
        "{% for m in missing %}{% endfor %}",
        "{{ x",
        "{% if x %}",
        "{{ " + "(" * 5000 + "x" + ")" * 5000 + " }}",
        "{% if x %}" * 60 + "{% endif %}" * 60,
        "{% for a in rows %}" * 3 + "{% endfor %}" * 3,
        "x" * 100_001,
        "{% include 'absent' %}",
        "{% for r in rows %}{{ loop }}{% endfor %}",
    ],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused(source: str) -> None:
    with pytest.raises(TextError, match=r"^template t: "):
        write(source, x="text", n=3, rows=[{"a": "b"}])


def test_output_and_turns_are_bounded() -> None:
    with pytest.raises(TextError, match=f"more than {MAX_OUTPUT} characters"):
        write("{% for r in rows %}{{ x }}{% endfor %}", rows=["r"] * 100, x="x" * 10_000)
    with pytest.raises(TextError, match=f"more than {MAX_STEPS} turns"):
        write("{% for r in rows %}{% for q in rows %}{% endfor %}{% endfor %}", rows=["r"] * 200)


def test_a_costly_text_ends_soon() -> None:
    began = time.monotonic()
    with pytest.raises(TextError):
        write("{{ x|indent(16) }}" * 5000, x="\n".join("y" * 100 for _ in range(1000)))
    assert time.monotonic() - began < 20


def test_partials_stand_where_they_are_included() -> None:
    parts = Parts("s {{ a }}\n", 'one\n{% include "p" %}\n\ntwo\n', '<p>{% include "p" %}</p>')
    subject, body, html = fill(parts, {"a": "x\ny"}, {"p": Parts("", "\n{{ a }} < b\n\n")}, "EN", "t")
    assert subject == "s x y"
    assert body == "one\nx\ny < b\n\ntwo\n"
    assert html == "<p>x<br>\ny &lt; b<br>\n</p>"


def faults(body: str, kind: str = "Defendant", **more: Any) -> list[str]:
    return [
        str(one) for one in check(Parts("S {{ publicId }}", body, **more), kind, "EN", {"signature": Parts("", "x")})
    ]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("Hello\n{{ publicid }}", "body, line 2: unknown variable 'publicid'; did you mean 'publicId'?"),
        ("{{ servce }}", "body, line 1: unknown variable 'servce'; did you mean 'service'?"),
        ("{{ reference }}", "it exists for Plaintiff only"),
        ("{% for i in items %}{{ i.valeu }}{% endfor %}", "unknown field 'i.valeu'; did you mean 'value'?"),
        ("{% for p in proof %}{{ p.x }}{% endfor %}", "p has no fields"),
        ("a\n\n{% if x %}", "body, line 3: "),
        ('{% include "signatur" %}', "no such partial; did you mean 'signature'?"),
        ("{{ service|upper }}", "the filter 'upper'; expected date or indent or limit"),
        ("{{ service|date }}", "expected a date"),
        ("  \n", "body: empty"),
        ("{{ '{{' }}", "braces are left"),
    ],
)
def test_faults_name_field_line_and_the_nearest_name(body: str, fault: str) -> None:
    (found,) = faults(body)
    assert fault in found


def test_the_customers_data_is_not_there_for_reporters() -> None:
    for name in ("service", "service_ips", "customer_name", "evidence", "action", "portal_url"):
        assert faults("{{ " + name + " }}", "Plaintiff") != []


def test_html_has_no_scripts() -> None:
    assert "a script, form or frame" in faults("x", body_html="<script>x</script>")[0]
    assert faults("x", body_html="<p>{{ service }}</p>") == []


def test_all_languages_have_their_months() -> None:
    december = datetime(2026, 12, 1, tzinfo=UTC)
    assert len({format_date(december, lang, "day") for lang in LANGUAGES}) >= 6
