"""The settings file: read, checked in full, frozen."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from abuse.config import PROJECT_ROOT, SettingsError, load
from abuse.config.loader import settings_path


def write(directory: Path, text: str) -> Path:
    path = directory / "settings.yml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(directory: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(write(directory, text), environ=environ)
    return caught.value.faults


def test_the_sample_runs_as_it_is() -> None:
    settings = load(PROJECT_ROOT / "settings-sample.yml", environ={})
    assert settings.uses_embedded_postgres
    assert settings.uses_embedded_redis
    assert settings.data_directory == PROJECT_ROOT / "var"


def test_the_sample_shows_the_defaults(tmp_path: Path) -> None:
    """What the sample sets is what an empty file gives, except for the networks, which nobody can guess."""
    sample = load(PROJECT_ROOT / "settings-sample.yml", environ={}).model_dump(exclude={"SOURCE", "MANAGED_NETWORKS"})
    empty = load(write(tmp_path, ""), environ={}).model_dump(exclude={"SOURCE", "MANAGED_NETWORKS"})
    shown = sample.pop("IMPLEMENTATIONS"), sample.pop("REDIS")
    del empty["IMPLEMENTATIONS"], empty["REDIS"]
    assert sample == empty
    from abuse.config.schema import DEFAULT_IMPLEMENTATIONS, Redis

    assert {name: value["class_"] for name, value in shown[0].items()} == DEFAULT_IMPLEMENTATIONS
    assert shown[1] == Redis().model_dump()


def test_every_key_is_in_the_sample() -> None:
    from abuse.config.schema import Settings

    text = (PROJECT_ROOT / "settings-sample.yml").read_text(encoding="utf-8")

    def keys(model: type) -> set[str]:
        found = set()
        for name, field in model.model_fields.items():  # type: ignore[attr-defined]
            found.add(field.alias or name)
            for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if hasattr(part, "model_fields"):
                    found |= keys(part)
        return found

    missing = {key for key in keys(Settings) - {"APP_ENV", "SOURCE"} if f"{key}:" not in text}
    assert missing <= {"mailboxes"}, missing


def test_all_faults_at_once_with_key_value_and_expectation(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        """
        MANAGED_NETWORKS: [192.0.2.1/24]
        PARSER: {fqdn_re: '(?=x)'}
        PIPELINE: {batch_size: 0, nope: 1}
        API: {port: 99999}
        IMPLEMENTATIONS: {CMSServiceBase: {class: a.b}, CRMServiceBase: {class: not-dotted}}
        DJANGO: {SECRET_KEY: short, TIME_ZONE: Mars/Olympus}
        """,
    )
    text = "\n".join(found)
    assert "MANAGED_NETWORKS.0" in text
    assert "192.0.2.1/24" in text
    assert "such as 192.0.2.0/24" in text
    assert "PARSER.fqdn_re: '(?=x)'; expected a regular expression that RE2 takes" in text
    assert "PIPELINE.batch_size: 0" in text
    assert "PIPELINE.nope: unknown key" in text
    assert "API.port: 99999" in text
    assert "IMPLEMENTATIONS.CRMServiceBase.class: 'not-dotted'; expected the dotted path of a class" in text
    assert "DJANGO.TIME_ZONE: 'Mars/Olympus'; expected a time zone name" in text
    assert "DJANGO.SECRET_KEY: (secret); expected at least 32 characters" in text
    assert "short" not in text


def test_an_unknown_service_is_named(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "IMPLEMENTATIONS: {CMSServiceBase: {class: a.b}}")
    assert "CMSServiceBase: expected one of ActionServiceBase" in fault


def test_references_to_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, "MAIL: {ticket_domain: '${DOMAIN}'}\nEMAIL_LISTENER: {host: '${HOST:-127.0.0.9}'}")
    settings = load(path, environ={"DOMAIN": "abuse.example.net"})
    assert settings.MAIL.ticket_domain == "abuse.example.net"
    assert settings.EMAIL_LISTENER.host == "127.0.0.9"
    assert faults(tmp_path, path.read_text()) == ["MAIL.ticket_domain: ${DOMAIN} is not set in the environment"]


def test_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    settings = load(write(tmp_path, "DJANGO: {SECRET_KEY_FILE: key}"), environ={})
    assert settings.DJANGO.SECRET_KEY is not None
    assert settings.DJANGO.SECRET_KEY.get_secret_value() == "k" * 40
    (fault,) = faults(tmp_path, "DJANGO: {SECRET_KEY_FILE: missing}")
    assert fault.startswith("DJANGO.SECRET_KEY_FILE: 'missing' cannot be read")
    (fault,) = faults(tmp_path, "DJANGO: {SECRET_KEY_FILE: key, SECRET_KEY: " + "x" * 40 + "}")
    assert "both SECRET_KEY and SECRET_KEY_FILE are set" in fault


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    text = "EMAIL_FETCHER: {host: h, user: u, password: topsecret}"
    assert "topsecret" not in repr(load(write(tmp_path, text), environ={}))


def test_one_mailbox_or_several(tmp_path: Path) -> None:
    one = load(write(tmp_path, "EMAIL_FETCHER: {host: a, user: u, password: p}"), environ={})
    assert [box.host for box in one.EMAIL_FETCHER.mailboxes] == ["a"]
    assert one.EMAIL_FETCHER.mailboxes[0].effective_port == 993
    text = "EMAIL_FETCHER: {mailboxes: [{host: a, user: u, password: p}, {host: b, user: u, password: p, tls: none}]}"
    two = load(write(tmp_path, text), environ={})
    assert [box.effective_port for box in two.EMAIL_FETCHER.mailboxes] == [993, 143]


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings = load(write(tmp_path, ""), environ={})
    with pytest.raises(ValidationError, match="frozen"):
        settings.API.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[1, 2]", "holds a list"), ("a: [", "not YAML"), ("APP_ENV: dev", "APP_ENV: not a key of the file")],
)
def test_a_file_of_another_form(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in faults(tmp_path, text)[0]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "none.yml", environ={})


def test_a_wrong_environment_name(tmp_path: Path) -> None:
    assert faults(tmp_path, "", APP_ENV="staging") == ["APP_ENV: 'staging'; expected one of dev, prod, test, default"]


def test_where_the_settings_are_looked_for(tmp_path: Path) -> None:
    assert settings_path({"APP_SETTINGS": str(tmp_path / "x.yml")}) == tmp_path / "x.yml"
    assert settings_path({}).name in {"settings.yml", "settings-sample.yml"}
