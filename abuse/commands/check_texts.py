"""`check-texts`: are all texts there, in each language, and do they come out well?"""

from __future__ import annotations

import sys

import click

from abuse.models import MailTemplate
from abuse.seed.mail_texts import shipped_texts
from abuse.seed.text_checks import Finding, check_texts, missing_texts


@click.command("check-texts")
@click.option("--shipped", is_flag=True, help="Only the texts that come with Cerberus; needs no database rows.")
def command(shipped: bool) -> None:
    """Check the texts that the desk sends: those that come with Cerberus, and those stored.

    Each is filled in with sample values, full and bare. What is wrong is named with field, line and variable; what is
    missing in a language is named, too. Exit code 1 when anything is wrong. Example:

        python main.py check-texts
    """
    findings = [*check_texts(shipped_texts()), *missing_texts(shipped_texts())]
    count = len(shipped_texts())
    if not shipped:
        rows = list(MailTemplate.all().order_by("codename", "recipient_type", "lang"))
        findings += [*check_texts(rows, origin="stored"), *missing_texts(rows, origin="stored")]
        count += len(rows)
    for finding in findings:
        click.echo(str(finding))
    _print_summary(count, findings)
    sys.exit(1 if findings else 0)


def _print_summary(count: int, findings: list[Finding]) -> None:
    codenames = {(text.codename, text.recipient_type) for text in shipped_texts()}
    languages = sorted({text.lang for text in shipped_texts()})
    click.echo(f"{count} texts checked; {len(codenames)} codenames ship in {', '.join(languages)}")
    if findings:
        click.echo(f"{len(findings)} fault(s)", err=True)
