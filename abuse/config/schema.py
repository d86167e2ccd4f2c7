"""The shape of the settings file: every key, its type, its default and its bounds. Frozen once read."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

Network = IPv4Network | IPv6Network


def _network(value: object) -> object:
    if isinstance(value, str):
        try:
            return ip_network(value, strict=True)
        except ValueError as error:
            raise ValueError(f"expected a network such as 192.0.2.0/24 or 2001:db8::/32 ({error})") from None
    return value


def _dotted(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", value):
        raise ValueError("expected the dotted path of a class, such as abuse.services.crm.default.DirectoryCRM")
    return value


def _re2_pattern(value: str) -> str:
    try:
        re2.compile(value)
    except re2.error as error:
        raise ValueError(f"expected a regular expression that RE2 takes ({error})") from None
    return value


def _mailbox(value: str) -> str:
    local, _, host = value.rpartition("@")
    # What is put behind the local part to know a mail by has up to 33 characters, and 64 is the end (RFC 5321).
    if not local or not host or len(local) > 30 or not re.fullmatch(r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+", value):
        raise ValueError(
            "expected an e-mail address such as bounces@example.net, of at most 30 characters before the @"
        )
    return value


CheckedNetwork = Annotated[Network, BeforeValidator(_network)]
DottedPath = Annotated[str, AfterValidator(_dotted)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Database(Section):
    """One PostgreSQL database, in Django's words."""

    ENGINE: Literal["django.db.backends.postgresql"] = "django.db.backends.postgresql"
    NAME: str
    USER: str = ""
    PASSWORD: SecretStr = SecretStr("")
    HOST: str = ""
    PORT: int | str = ""
    OPTIONS: dict[str, Any] = {}


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
    fqdn_re: Annotated[str, AfterValidator(_re2_pattern)] | None = None
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


class Metrics(Section):
    """Who may read the metrics: who knows `token`; without one, who calls from `networks`."""

    enabled: bool = True
    token: SecretStr | None = None
    networks: tuple[CheckedNetwork, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    cache_seconds: float = Field(default=5, ge=0, le=300)

    @field_validator("token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("expected at least 16 characters")
        return value


def _origin(value: str) -> str:
    """RFC 6454: scheme, host and, where it is not the usual one, port."""
    if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", value):
        raise ValueError("expected an exact origin in lower case, such as https://desk.example.net, without a path")
    return value


Origin = Annotated[str, AfterValidator(_origin)]


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https://[^\s]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[^\s]*)?", value):
        raise ValueError("expected an https:// address")
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _own_page(value: str) -> str:
    if not re.fullmatch(r"/(?![/\\])[!-~]*", value):
        raise ValueError("expected a path of this server, such as /")
    return value


OidcName = Annotated[str, Field(min_length=1, max_length=100)]


class Oidc(Section):
    """Single sign-on by OpenID Connect. Mappings go from a value of the claim to what it gives here."""

    issuer: WebAddress
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    redirect_uri: WebAddress
    scopes: tuple[OidcName, ...] = ("openid", "profile", "email")
    username_claim: OidcName = "preferred_username"
    role_claim: OidcName = "groups"
    role_mapping: dict[str, str] = {}
    category_mapping: dict[str, dict[str, Literal["Read-only", "Beginner", "Advanced", "Expert"]]] = {}
    allow_new_users: bool = False
    link_by_username: bool = False
    after_login: Annotated[str, AfterValidator(_own_page)] = "/"
    timeout_seconds: Seconds = 10

    @field_validator("scopes")
    @classmethod
    def _openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("expected openid among them")
        return value


class Api(Section):
    """The API: where it listens, how long logins last, and whom it believes."""

    host: str = "127.0.0.1"
    port: Port = 5000
    token_lifetime_seconds: int = Field(default=86_400, ge=60)
    threads: int = Field(default=8, ge=1, le=256)
    metrics: Metrics = Metrics()
    session_idle_seconds: int = Field(default=7200, ge=120)
    session_lifetime_seconds: int = Field(default=43_200, ge=120)
    personal_token_days: int = Field(default=365, ge=1, le=3650)
    trusted_proxies: tuple[CheckedNetwork, ...] = ()
    allowed_origins: tuple[Origin, ...] = ()
    require_totp_for: tuple[str, ...] = ()
    audit_retention_days: int = Field(default=730, ge=1)
    oidc: Oidc | None = None
    submission_max_bytes: int = Field(default=25 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    submissions_per_minute: int = Field(default=120, ge=1)
    exports_per_hour: int = Field(default=30, ge=1)


class Webhooks(Section):
    """How events are sent to programs that subscribed to them."""

    allowed_networks: tuple[CheckedNetwork, ...] = ()
    plaintext: bool = False
    ca_file: str | None = None
    dns_servers: tuple[str, ...] = ()
    timeout_seconds: float = Field(default=10, gt=0, le=60)
    retry_seconds: Seconds = 30
    give_up_days: float = Field(default=5, gt=0, le=30)


class Streams(Section):
    """How many streams of events are open at once, in each process that serves the API."""

    total: int = Field(default=50, ge=0, le=1000)
    per_user: int = Field(default=4, ge=1)
    heartbeat_seconds: float = Field(default=15, gt=0, le=300)
    max_seconds: float = Field(default=3600, gt=0)


class Events(Section):
    """What other programs are told of what happens here. `keep_days`: how long they can ask for it."""

    keep_days: float = Field(default=14, gt=0, le=365)
    webhooks: Webhooks = Webhooks()
    streams: Streams = Streams()


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


class Relay(Section):
    """The mail server that takes what the desk writes."""

    host: str
    port: Port = 587
    tls: Literal["implicit", "starttls", "none"] = "starttls"
    ca_file: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    bounce_address: Annotated[str, AfterValidator(_mailbox)] | None = None
    timeout_seconds: Seconds = 60


class Dkim(Section):
    """How outgoing mail is signed (RFC 6376). The key is RSA in PEM, in a file or as it stands."""

    domain: str = Field(min_length=1)
    selector: str = Field(min_length=1)
    key_file: str | None = None
    key: SecretStr | None = None
    headers: tuple[str, ...] = (
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding", "Auto-Submitted",
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key_file is None) == (self.key is None):
            raise ValueError("expected one of key_file and key")
        return self


class Rdap(Section):
    """Which registries are asked whose an address or a domain is that is not ours. Nobody, unless one is named."""

    base_url: str | None = None
    bootstrap_url: str | None = None
    servers: tuple[str, ...] = ()
    timeout_seconds: float = Field(default=10, gt=0, le=60)
    ca_file: str | None = None
    plaintext: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Rdap:
        if self.base_url is not None and self.bootstrap_url is not None:
            raise ValueError("expected base_url or bootstrap_url, not both")
        return self


class Reporters(Section):
    """What reporters are told by machine, unless a reporter's own row says otherwise."""

    acknowledge: bool = True
    already_known: bool = True
    question: bool = True
    outcome: bool = False
    misrouted: bool = True


class Mail(Section):
    """Who the desk is when it writes. Without a relay what it writes waits in the outbox."""

    ticket_domain: str = "example.net"
    default_language: str = "EN"
    portal_url: str | None = None
    relay: Relay | None = None
    bounce_address: Annotated[str, AfterValidator(_mailbox)] | None = None
    dkim: Dkim | None = None
    max_attachment_bytes: int = Field(default=10 * 1024 * 1024, ge=0)
    answer_period_seconds: int = Field(default=7 * 86_400, ge=1)
    resend_uncertain: bool = False
    forward_misrouted: bool = False
    forward_misrouted_per_day: int = Field(default=100, ge=1)
    reporters: Reporters = Reporters()

    @property
    def bounce_mailbox(self) -> str | None:
        """Where mails come back to: said here, or with the relay."""
        return self.bounce_address or (self.relay.bounce_address if self.relay else None)

    @field_validator("default_language")
    @classmethod
    def _language(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z]{2}", value):
            raise ValueError("expected a language code of two letters, such as EN")
        return value.upper()

    @field_validator("portal_url")
    @classmethod
    def _page_of_a_case(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s{}]*\{publicId\}[^\s{}]*", value):
            raise ValueError("expected a URL with {publicId} in it, such as https://abuse.example.net/case/{publicId}")
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
