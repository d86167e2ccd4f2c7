"""Templates built for these tests, from the text that an operator would write."""

from __future__ import annotations

from pathlib import Path

import yaml

from abuse.parsers import ParsedEmail, ParserContext, parse
from abuse.parsers.templating import TemplateSet, compiled, schema
from abuse.parsers.templating.compiled import Template

from ..samples import mail

SENDER = "soc@reporter.example"


def template(text: str, name: str = "one", **keys: object) -> Template:
    """A template from its YAML; `name`, `description` and a `match` for `SENDER` are added where they are missing."""
    document = {"name": name, "description": "For a test.", "match": {"sender": SENDER}, **keys}
    document.update(yaml.safe_load(text) or {})
    return compiled.build(schema.TemplateFile.model_validate(document), f"{name}.yml", is_shipped=False)


def read_with(*templates: Template, raw: bytes, **context: object) -> ParsedEmail:
    """The mail as a desk with only these templates reads it. What fails inside a template is an error here."""
    parsed = parse(raw, ParserContext(templates=TemplateSet(templates), **context))  # type: ignore[arg-type]
    failed = [sentence for sentence in parsed.defects if "failed" in sentence or "could not be tried" in sentence]
    assert not failed, failed
    return parsed


def taken(text: str, body: str, **fields: str) -> list[str]:
    """What a template with these `take` rules, in YAML, takes from a text; it may not search the whole text."""
    one = template(text, fallback=False)
    return [item.value for item in read_with(one, raw=mail(body, sender=SENDER, **fields)).items]


def write(directory: Path, name: str, text: str) -> Path:
    """A template file of an operator."""
    path = directory / f"{name}.yml"
    path.write_text(text, encoding="utf-8")
    return path
