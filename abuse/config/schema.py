"""The shape of the settings file: every key, its type, its default and its bounds. Frozen once read."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from .mail import Mail, Rdap
from .section import CheckedNetwork, DottedPath, Port, Re2Pattern, Seconds, Section
from .web import Api, Events


class Database(Section):
    """One PostgreSQL database, in Django's words."""

    ENGINE: Literal["django.db.backends.postgresql"] = "django.db.backends.postgresql"
    NAME: str
    USER: str = ""
    PASSWORD: SecretStr = SecretStr("")
    HOST: str = ""
    PORT: int | str = ""
    OPTIONS: dict[str, Any] = {}
    DISABLE_SERVER_SIDE_CURSORS: bool = False


class Databases(Section):
    default: Database


class Django(Section):
    SECRET_KEY: SecretStr | None = None
    DATABASES: Databases | None = None
    TIME_ZONE: str = "UTC"
    DEBUG: bool = False

    @field_validator("SECRET_KEY")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("expected at least 32 characters")
        return value

    @field_validator("TIME_ZONE")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("expected a time zone name such as Europe/Paris") from None
        return value


class RuleClasses(Section):
    """The classes that give one kind of rule its variables or actions, by rule type."""

    report: tuple[DottedPath, ...] = ()
    emailreply: tuple[DottedPath, ...] = ()
    cdnrequest: tuple[DottedPath, ...] = ()


class Rules(Section):
    variables: RuleClasses = RuleClasses(
        report=("abuse.rules.variables.report.default.DefaultReportVariables",),
        emailreply=("abuse.rules.variables.emailreply.default.DefaultEmailReplyVariables",),
    )
    actions: RuleClasses = RuleClasses(
        report=("abuse.rules.actions.report.default.DefaultReportActions",),
        emailreply=("abuse.rules.actions.emailreply.default.DefaultEmailReplyActions",),
    )


class Implementation(Section):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    class_: DottedPath = Field(alias="class")
    config: dict[str, Any] = {}


SERVICE_NAMES = (
    "ActionServiceBase",
    "CRMServiceBase",
    "EmailServiceBase",
    "KPIServiceBase",
    "PhishingServiceBase",
    "ReputationServiceBase",
    "SearchServiceBase",
    "StorageServiceBase",
)

DEFAULT_IMPLEMENTATIONS: dict[str, str] = {
    "CRMServiceBase": "abuse.services.crm.default.DirectoryCRM",
    "EmailServiceBase": "abuse.services.email.default.DatabaseEmailService",
    "KPIServiceBase": "abuse.services.kpi.default.DatabaseKPI",
    "ReputationServiceBase": "abuse.services.reputation.default.DnsblReputation",
    "SearchServiceBase": "abuse.services.search.default.PostgresSearch",
    "StorageServiceBase": "abuse.services.storage.default.FilesystemStorage",
}


class Parser(Section):
    fqdn_re: Re2Pattern | None = None
    networks_to_ignore: tuple[CheckedNetwork, ...] = ()
    domain_to_ignore: tuple[str, ...] = ()
    blacklisted_providers: tuple[str, ...] = ()
    templates: Path | None = None
    authserv_ids: tuple[str, ...] = ()
    verify_dkim: bool = False
    dns_servers: tuple[str, ...] = ()
    dns_seconds: Seconds = 5
    max_message_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)

    @field_validator("domain_to_ignore", "blacklisted_providers")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(entry.strip().lower() for entry in value)


class Queue(Section):
    name: str
    default_timeout: int = Field(default=7200, ge=1)


class Queues(Section):
    default: Queue = Queue(name="default")
    email: Queue = Queue(name="email")
    kpi: Queue = Queue(name="kpi", default_timeout=1800)


class Redis(Section):
    """Where the doorbells hang. Without `host` or `socket` the embedded server is used."""

    host: str | None = None
    port: Port = 6379
    socket: str | None = None
    db: int = Field(default=0, ge=0)
    username: str | None = None
    password: SecretStr | None = None
    ssl: bool = False
    queues: Queues = Queues()


class Mailbox(Section):
    """One IMAP mailbox to empty."""

    host: str
    port: Port | None = None
    user: str
    password: SecretStr
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca_file: str | None = None
    folder: str = "INBOX"
    move_to: str | None = None
    idle: bool = True
    poll_seconds: Seconds = 60
    timeout_seconds: Seconds = 60
    batch_size: int = Field(default=50, ge=1, le=1000)

    @property
    def effective_port(self) -> int:
        return self.port or (993 if self.tls == "implicit" else 143)


class Listener(Section):
    """The desk's own door for a mail server's deliveries."""

    protocol: Literal["lmtp", "smtp"] = "lmtp"
    host: str = "127.0.0.1"
    port: Port = 8024
    recipients: tuple[str, ...] = ()
    max_message_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)


class EmailFetcher(Section):
    """One mailbox, as `host`, `user`, `password`, or several under `mailboxes`."""

    mailboxes: tuple[Mailbox, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _single_mailbox(cls, value: Any) -> Any:
        if isinstance(value, dict) and "mailboxes" not in value and value:
            return {"mailboxes": [value]}
        return value


class Logger(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class FileLogger(Logger):
    file_name: str
    max_bytes: int = Field(default=10_000_000, ge=10_000)
    backups: int = Field(default=5, ge=0)


class SyslogLogger(Logger):
    device: str | None = None
    host: str | None = None
    port: Port = 514
    transport: Literal["TCP", "UDP"] = "UDP"


class Loggers(Section):
    stdout: Logger | None = Logger()
    file: FileLogger | None = None
    syslog: SyslogLogger | None = None


class Pipeline(Section):
    """How stored mails are worked off."""

    batch_size: int = Field(default=20, ge=1, le=500)
    max_attempts: int = Field(default=5, ge=1, le=100)
    retry_seconds: Seconds = 30
    lease_seconds: Seconds = 60
    outage_hours: float = Field(default=48, ge=0)
    late_resolution_days: int = Field(default=30, ge=0, le=3650)
    sweep_seconds: Seconds = 15


class UrlChecks(Section):
    """How long the history of reported pages is kept."""

    fresh_seconds: float = Field(default=300, ge=0, le=86_400)
    keep_days: float = Field(default=365, gt=0)
    keep_per_url: int = Field(default=50, ge=1, le=10_000)


class ItemLookups(Section):
    """What is asked of DNS about the names and addresses in reports, after they were written."""

    enabled: bool = True
    nameservers: tuple[str, ...] = ()
    timeout_seconds: float = Field(default=3, gt=0, le=30)
    per_second: float = Field(default=20, gt=0, le=1000)
    per_report: int = Field(default=50, ge=1, le=1000)
    cache_hours: float = Field(default=6, gt=0, le=168)

    @field_validator("nameservers")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            address, _, port = one.partition(":") if one.count(":") == 1 else (one, "", "")
            try:
                ip_address(address)
                is_port = not port or 0 < int(port) < 65536
            except ValueError:
                is_port = False
            if not is_port:
                raise ValueError(f"{one!r}: expected an address, or an IPv4 address:port")
        return value


class Settings(Section):
    """The whole settings file."""

    APP_ENV: Literal["dev", "prod", "test", "default"] = "dev"
    SOURCE: Path
    DATA_DIRECTORY: Path = Path("var")
    DJANGO: Django = Django()
    MANAGED_NETWORKS: tuple[CheckedNetwork, ...] = ()
    SHARED_NETWORKS: tuple[CheckedNetwork, ...] = ()
    RULES: Rules = Rules()
    IMPLEMENTATIONS: dict[str, Implementation] = {}
    PARSER: Parser = Parser()
    PIPELINE: Pipeline = Pipeline()
    URL_CHECKS: UrlChecks = UrlChecks()
    ITEM_LOOKUPS: ItemLookups = ItemLookups()
    REDIS: Redis | None = None
    EMAIL_FETCHER: EmailFetcher = EmailFetcher()
    EMAIL_LISTENER: Listener = Listener()
    MAIL: Mail = Mail()
    RDAP: Rdap = Rdap()
    API: Api = Api()
    EVENTS: Events = Events()
    LOGGERS: Loggers = Loggers()

    @field_validator("IMPLEMENTATIONS")
    @classmethod
    def _known_services(cls, value: dict[str, Implementation]) -> dict[str, Implementation]:
        unknown = sorted(set(value) - set(SERVICE_NAMES))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: expected one of {', '.join(SERVICE_NAMES)}")
        return value

    @property
    def data_directory(self) -> Path:
        """The absolute data directory; a relative one is taken from where the settings file lies."""
        return (self.SOURCE.parent / self.DATA_DIRECTORY).resolve()

    @property
    def templates_directory(self) -> Path | None:
        """The operator's own templates; a relative directory is taken from where the settings file lies."""
        return (self.SOURCE.parent / self.PARSER.templates).resolve() if self.PARSER.templates else None

    @property
    def uses_embedded_postgres(self) -> bool:
        return self.DJANGO.DATABASES is None

    @property
    def uses_embedded_redis(self) -> bool:
        return self.redis.host is None and self.redis.socket is None

    @property
    def redis(self) -> Redis:
        return self.REDIS or Redis()

    @property
    def queues(self) -> Queues:
        return self.redis.queues

    def implementation(self, base_name: str) -> Implementation | None:
        """The configured class of a service, or the default one; None when the service has neither."""
        if base_name in self.IMPLEMENTATIONS:
            return self.IMPLEMENTATIONS[base_name]
        default = DEFAULT_IMPLEMENTATIONS.get(base_name)
        return Implementation.model_validate({"class": default}) if default else None
