"""The texts that come with Cerberus: all there, in all languages, well, and never put over an operator's edit."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from abuse.models import Category, MailTemplate, MailTemplateVersion
from abuse.rules.definitions import shipped_documents
from abuse.seed import load_seed, mail_texts
from abuse.seed.mail_texts import ShippedText, put_texts, shipped_texts
from abuse.seed.text_checks import check_texts, missing_texts
from abuse.services.email.texts import LANGUAGES
from abuse.services.email.texts.checking import sample_of
from abuse.services.email.texts.variables import CATALOGUE
from abuse.services.email.texts.writing import Parts, how_to_fix_codename

ROOT = Path(mail_texts.__file__).parents[1]
PARTIAL = MailTemplate.RecipientType.PARTIAL
SENT = sorted({text.codename for text in shipped_texts() if text.recipient_type != PARTIAL})


def partials(lang: str) -> dict[str, Parts]:
    found = (text for text in shipped_texts() if text.recipient_type == PARTIAL and text.lang == lang)
    return {text.codename: Parts(text.subject, text.body) for text in found}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_comes_out_well_in_each_language(lang: str) -> None:
    texts = [text for text in shipped_texts() if text.lang == lang]
    # Checked with English partials beside them, as the command does.
    everything = [*texts, *(text for text in shipped_texts() if text.lang == "EN" and lang != "EN")]
    assert [str(one) for one in check_texts(everything)] == []
    assert len(texts) == len({text.key for text in shipped_texts() if text.lang == "EN"})
    for text in texts:
        if text.recipient_type != PARTIAL:
            for bare in (False, True):
                subject, body, _ = sample_of(
                    Parts(text.subject, text.body), text.recipient_type, lang, partials(lang), bare=bare
                )
                assert "BCDFGHJKLM" in subject, text.key
                assert not re.search(r"\bNone\b|\n\n\n|[ \t]\n|\{|\}", body), text.key


def test_none_is_missing_in_a_language() -> None:
    assert list(missing_texts(shipped_texts())) == []
    less = [text for text in shipped_texts() if text.key != ("fixed", "Plaintiff", "PL")]
    assert [str(one) for one in missing_texts(less)] == ["shipped fixed (Plaintiff): missing in PL"]


def test_every_codename_that_code_and_rules_name_is_shipped() -> None:
    named = set(re.findall(r"template_codename: *(\w+)", "\n".join(one.text for one in shipped_documents())))
    files = [path for part in ("controllers", "pipeline", "rules") for path in (ROOT / part).rglob("*.py")]
    sources = "\n".join(path.read_text() for path in files)
    named |= set(re.findall(r'acknowledge\([^)]*codename="(\w+)"', sources))
    named |= set(re.findall(r'template_codename: str = "(\w+)"', sources))
    called = re.findall(r'(?:send_template|tell_reporters|tell_customer)\(\s*ticket, "(\w+)"', sources)
    assert {"case_closed", "ticket_closed", "service_blocked", "second_alert_with_action"} <= set(called)
    assert (named | set(called)) - set(SENT) == set()
    assert {"email_thread", "cloudflare_ip_request", "not_managed_ip", "first_alert", "mass_contact"} <= set(SENT)


@pytest.mark.django_db
def test_every_category_says_what_to_do_about_it() -> None:
    for category in Category.all():
        for lang in LANGUAGES:
            row = MailTemplate.get(codename=how_to_fix_codename(category.name), recipient_type=PARTIAL, lang=lang)
            assert row.body.startswith("1. ") and row.body.count("\n") >= 4 and row.subject


@pytest.mark.django_db
def test_an_edit_stays_and_what_is_missing_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    edited = MailTemplate.get(codename="fixed", lang="FR")
    edited.body = "À nous."
    edited.save()
    MailTemplate.filter(codename="case_closed", lang="DE").delete()
    plain = MailTemplate.get(codename="fixed", lang="EN")
    old_body = plain.body
    newer = tuple(
        replace(text, body=f"{text.body}\nP.S.\n") if text.codename == "fixed" else text for text in shipped_texts()
    )
    monkeypatch.setattr(mail_texts, "shipped_texts", lambda: newer)
    assert load_seed() == 1
    edited.refresh_from_db()
    plain.refresh_from_db()
    assert edited.body == "À nous."
    assert (plain.body, plain.version) == (f"{old_body}\nP.S.\n", 2)
    assert MailTemplateVersion.get(template=plain).body == old_body
    assert MailTemplate.filter(codename="case_closed", lang="DE").count() == 1
    assert load_seed() == 0
    assert MailTemplateVersion.filter(template=plain).count() == 1


@pytest.mark.django_db
def test_a_former_text_that_nobody_edited_follows() -> None:
    row = MailTemplate.get(codename="fixed", lang="EN")
    row.subject = "[Case {{ publicId }}] The problem has been dealt with"
    row.name, row.shipped_digest = "Fixed", ""
    row.body = (
        "Hello,\n\nthe problem that you reported has been dealt with, and case {{ publicId }} is closed.\n\n"
        "The abuse desk\n"
    )
    row.save()
    assert put_texts() == 0
    row.refresh_from_db()
    assert "signature" in row.body


@pytest.mark.parametrize("text", ["name: x\nbody", "name: x\n---\nbody", "subject: x\nname: y\nother: z\n---\nb"])
def test_a_malformed_file_is_named(text: str) -> None:
    with pytest.raises(mail_texts.ShippedTextError, match=r"EN/a\.Other\.txt: expected name"):
        mail_texts._parsed("EN", "a.Other.txt", text, "")
    assert isinstance(mail_texts._parsed("EN", "a.Other.txt", "name: x\nsubject: y\n---\nb\n", ""), ShippedText)


@pytest.mark.django_db
def test_the_command_finds_what_is_wrong() -> None:
    from abuse.commands.check_texts import command

    run = CliRunner().invoke(command, [])
    assert (run.exit_code, run.output) == (0, run.output)
    assert f"{2 * len(shipped_texts())} texts checked; 32 codenames ship in DE, EN, ES, FR, IT, NL, PL" in run.output
    MailTemplate.filter(codename="fixed", lang="EN").update(body="{{ servce }}")
    MailTemplate.filter(codename="fixed", lang="IT").delete()
    run = CliRunner().invoke(command, [])
    assert run.exit_code == 1
    assert "stored fixed.Plaintiff (EN): body, line 1: unknown variable 'servce'" in run.output
    assert "stored fixed (Plaintiff): missing in IT" in run.output
    assert CliRunner().invoke(command, ["--shipped"]).exit_code == 0


def test_the_documentation_lists_every_variable_and_text() -> None:
    documented = (ROOT.parent / "docs/reference/texts.md").read_text()
    listed = documented.partition("## Who reported")[0]
    for kind, variables in CATALOGUE.items():
        for name, variable in variables.items():
            (row,) = re.findall(rf"^\| `{name}` \| .*$", listed, re.MULTILINE)
            assert variable.kind in row and variable.meaning in row and (kind in row or kind == PARTIAL)
    for text in shipped_texts():
        assert f"| `{text.codename}` | {text.recipient_type} |" in documented
