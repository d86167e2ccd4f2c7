"""Who plays on the large desk: operators, reporters, customers and what they rent, tags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from abuse.controllers.tokens import digest_of
from abuse.models import (
    AbusePermission,
    ApiToken,
    Category,
    Defendant,
    DefendantHistory,
    DefendantRevision,
    Operator,
    Profile,
    Provider,
    Role,
    Service,
    Tag,
    User,
)

from .filling import fill, number, one_of, run, share

OPERATORS = 20
CATEGORIES = {
    "Spam": 0.34, "Phishing": 0.2, "Intrusion": 0.15, "Copyright": 0.1, "Malware": 0.08, "Network Attack": 0.07,
    "Illegal": 0.02, "Other": 0.04,
}  # fmt: skip
ADMIN, CLERK = "bench-1", "bench-2"
"""A superuser; and somebody with two categories as an expert, two as a beginner and one to read."""
CLERK_PROFILES = {
    "Phishing": Profile.Name.EXPERT, "Malware": Profile.Name.EXPERT, "Spam": Profile.Name.BEGINNER,
    "Copyright": Profile.Name.ADVANCED, "Other": Profile.Name.READ_ONLY,
}  # fmt: skip
SINCE = "'2024-12-01 00:00+00'::timestamptz"
YEARS = "interval '730 days'"
"""What the desk has seen began two years before `UNTIL`."""
UNTIL = f"({SINCE} + {YEARS})"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    reports: int
    tickets: int

    @property
    def customers(self) -> int:
        return max(20, self.tickets // 4)

    @property
    def services(self) -> int:
        return self.customers + self.customers // 5

    @property
    def providers(self) -> int:
        return min(300, max(10, self.reports // 100))


def token_of(name: str) -> str:
    """With what somebody calls."""
    return f"token-of-{name}"


def fill_parties(size: Size) -> None:
    """Everybody but the operators, with their tags."""
    numbers = "generate_series(1, {}) AS i"
    fill(
        Provider, numbers.format(size.providers),
        email="'abuse' || i || '@reporter' || (i % 90) || '.example'", name="'Reporter ' || i",
        trusted="i % 4 = 1", priority=one_of(1, {"Normal": 0.8, "High": 0.1, "Critical": 0.02, "Low": 0.08}),
    )  # fmt: skip
    fill(
        Defendant, numbers.format(size.customers),
        id="i", customer_id="'C-' || (100000 + i)", details_id="i", refreshed_at=UNTIL,
    )  # fmt: skip
    fill(
        DefendantRevision, numbers.format(size.customers),
        id="i", defendant_id="i", digest="lpad(i::text, 64, '0')",
        email="'jo' || i || '@customer' || (i % 997) || '.example'",
        firstname="(ARRAY['Alice','Bruno','Carla','David','Elena','Farid','Greta','Hugo'])[1 + i % 8]",
        name="(ARRAY['Moreau','Brenner','Iglesias','Novak','Rossi','Silva','Tanaka'])[1 + i % 7] || i % 911",
        country=one_of(2, {"FR": 0.4, "DE": 0.15, "PL": 0.1, "ES": 0.1, "US": 0.15, "NL": 0.1}),
        lang="'EN'", creation_date=f"{SINCE} - interval '1000 days' + {share(3)} * interval '1720 days'",
        is_vip="i % 200 = 7",
    )  # fmt: skip
    fill(DefendantHistory, numbers.format(size.customers), defendant_id="i", revision_id="i", date=SINCE)
    fill(
        Service, numbers.format(size.services),
        id="i", key="encode(sha256(i::text::bytea), 'hex')", service_id="'svc-' || i",
        name="'vps-' || i || '.example.net'", reference="'vps-' || i || '.example.net'",
        component_type="(ARRAY['VPS','SERVER','HOSTING','CLOUD'])[1 + i % 4]",
    )  # fmt: skip
    for tag_type in (Tag.Type.TICKET, Tag.Type.REPORT, Tag.Type.DEFENDANT, Tag.Type.PROVIDER):
        name = f"'{tag_type.lower()}-tag-' || i"
        fill(Tag, numbers.format(25), codename=name, name=name, tag_type=f"'{tag_type}'", level="i % 5")
    owners = "(SELECT {} AS owner, row_number() OVER (ORDER BY {}) AS i FROM {}) AS one WHERE i % {} = 3"
    fill(
        Defendant.tags.through, owners.format("id", "id", "abuse_defendant", 20),
        defendant_id="owner", tag_id=tag(Tag.Type.DEFENDANT, 4),
    )  # fmt: skip
    fill(
        Provider.tags.through, owners.format("email", "email", "abuse_provider", 10),
        provider_id="owner", tag_id=tag(Tag.Type.PROVIDER, 4),
    )  # fmt: skip


def tag(kind: Tag.Type, salt: int, of: str = "i") -> str:
    """An expression: the id of one of the tags of a kind, some much more often than others."""
    chosen = number(salt, 25, skew=2, of=of)
    return f"(SELECT id FROM abuse_tag WHERE codename = '{kind.lower()}-tag-' || {chosen})"


def add_operators() -> None:
    """Those who work the tickets, and the logins of those who measure. Made again: a login ends."""
    now = timezone.now()
    for position in range(1, OPERATORS + 1):
        user, is_new = User.objects.get_or_create(
            username=f"bench-{position}", defaults={"password": "!", "is_superuser": position == 1}
        )
        if is_new and position > 1:
            Operator.create(user=user, role=Role.get(codename="run_level_3"))
            profiles = CLERK_PROFILES if user.username == CLERK else dict.fromkeys(CATEGORIES, Profile.Name.EXPERT)
            for category, profile in profiles.items():
                AbusePermission.create(
                    user=user, category=Category.get(name=category), profile=Profile.get(name=profile)
                )
        ApiToken.objects.update_or_create(
            digest=digest_of(token_of(user.username)),
            defaults={"user": user, "created_at": now, "expires_at": now + timedelta(days=1), "last_used_at": now},
        )


def operator(salt: int, of: str = "i") -> str:
    """An expression: the id of an operator."""
    return f"((SELECT min(id) FROM abuse_user WHERE username LIKE 'bench-%') - 1 + {number(salt, OPERATORS, of=of)})"


def forget_parties() -> None:
    """Nothing of the sessions of those who measured is left."""
    run("DELETE FROM abuse_apitoken WHERE digest = ANY(%s)", [[digest_of(token_of(name)) for name in (ADMIN, CLERK)]])
