"""The built-in customer directory: who has had which network, address or domain. The fields are those of its file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from django.db.models import Count, Prefetch
from flask.sansio.blueprints import BlueprintSetupState
from pydantic import BaseModel, Field
from werkzeug.routing import PathConverter

from abuse.controllers.directory import Counts, ImportResult, import_customers
from abuse.controllers.editing import Refused
from abuse.models import DirectoryCustomer, DirectoryResource, DirectoryService
from abuse.models.directory import holders_of
from abuse.policies import Right
from abuse.services.crm.records import CustomerRecord, Fault, read_record

from .access import needs
from .answers import Answer, EpochSeconds
from .bodies import Body, allow_large_body, not_found
from .conditions import Condition, Kind
from .filters import FiltersParameter, read_filters
from .listing import Listing

blueprint = APIBlueprint("directory", __name__, url_prefix="/api/customers", tag="Customer directory")


class _CustomerId(PathConverter):
    """Any text but the name of a call, which is not to have the methods of a customer as well."""

    regex = "(?!import/?$)[^/].*?"


@blueprint.record_once
def _know_customer_ids(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["customer"] = _CustomerId


MAX_RESOURCES = 2000
"""Of a customer that are shown, and that can be edited here; who has more is kept by the file."""
_SHOWN_FAULTS = 10
_RECORD = {
    "customerId": "c1001",
    "email": "ann@shop.example",
    "name": "Lee",
    "creationDate": "2015-10-24T11:56:00Z",
    "services": [
        {
            "serviceId": "svc-1",
            "name": "vps-1001.example.net",
            "componentType": "VPS",
            "resources": [{"network": "203.0.113.8/29", "validFrom": "2024-11-02T18:00:00Z"}],
        }
    ],
}
_COUNTS = {"added": 1, "changed": 0, "unchanged": 0, "removed": 0}
_LISTING: Listing[DirectoryCustomer] = Listing(
    fields=frozenset({"customerId", "email", "firstname", "name", "organisation", "services", "updated"}),
    always=frozenset({"customerId"}),
    sorts={"customerId": "customer_id", "updated": "updated_at"},
    default_sort=("customer_id",),
    conditions={
        "customerId": [Condition("customer_id")],
        "email": [Condition("data__email")],
        "name": [Condition("data__name"), Condition("data__firstname"), Condition("data__organisation")],
        "service": [
            Condition("services__service_id", to_many=True),
            Condition("services__data__name", to_many=True),
        ],
        "item": [Condition("pk", Kind.WORDS, search=lambda words, **_: holders_of(words))],
    },
)


class DirectoryRow(Answer):
    """A customer of the directory, in short."""

    customer_id: str
    email: str
    firstname: str | None
    name: str | None
    organisation: str | None
    services: int
    updated: EpochSeconds


class DirectoryRows(Answer):
    """Customers of the directory."""

    customers: list[DirectoryRow]
    customers_count: int


class DirectoryEntry(Answer):
    """A customer as the directory's file describes him, times as there (ISO 8601)."""

    customer: dict[str, Any] = Field(description="customerId, email, creationDate, services …, as in the file.")
    resources_count: int
    is_whole: bool = Field(description=f"Whether all resources are shown: up to {MAX_RESOURCES} are.")


class DirectoryEdit(Body):
    customer: dict[str, Any] = Field(description="As in the file; of the services that it holds, all resources.")


class DirectoryImport(Body):
    customers: list[dict[str, Any]] = Field(min_length=1, max_length=100_000, description="As in the file.")


class ImportParameters(BaseModel):
    dry_run: bool = Field(default=False, alias="dryRun", description="Say what would change, and change nothing.")


class DirectoryCounts(Answer):
    added: int
    changed: int
    unchanged: int
    removed: int

    @classmethod
    def of(cls, counts: Counts) -> DirectoryCounts:
        return cls(
            added=counts.added, changed=counts.changed, unchanged=counts.unchanged, removed=counts.removed
        )  # fmt: skip


class DirectoryChange(Answer):
    """What an import did, or would do."""

    customers: DirectoryCounts
    services: DirectoryCounts
    resources: DirectoryCounts
    warnings: list[str] = Field(description="What is allowed and probably wrong.")

    @classmethod
    def of(cls, result: ImportResult) -> DirectoryChange:
        return cls(
            customers=DirectoryCounts.of(result.customers),
            services=DirectoryCounts.of(result.services),
            resources=DirectoryCounts.of(result.resources),
            warnings=list(result.warnings),
        )


@blueprint.get("")
@needs(Right.SEE_CUSTOMER)
@blueprint.input(FiltersParameter, location="query")
@blueprint.output(
    DirectoryRows,
    example={
        "customers": [
            {
                "customerId": "c1001", "email": "ann@shop.example", "firstname": "Ann", "name": "Lee",
                "organisation": None, "services": 1, "updated": 1767225600,
            }
        ],
        "customersCount": 1,
    },
)  # fmt: skip
@blueprint.doc(
    description=_LISTING.description(
        "Of the built-in directory. `item`, with `where.in`: who has, had or will have an address, network or domain."
    )
)
def list_customers(query_data: FiltersParameter) -> DirectoryRows:
    """List or search the customers of the directory"""
    filters = read_filters(query_data.filters)
    found = _LISTING.chosen(DirectoryCustomer.all(), filters)
    rows = list(_LISTING.page(found, filters))
    counted = DirectoryService.filter(customer__in=rows).order_by().values_list("customer").annotate(Count("pk"))
    services: dict[int, int] = dict(counted)
    return DirectoryRows(
        customers=[
            DirectoryRow(
                customer_id=row.customer_id,
                email=row.data["email"],
                firstname=row.data.get("firstname"),
                name=row.data.get("name"),
                organisation=row.data.get("organisation"),
                services=services.get(row.pk, 0),
                updated=row.updated_at,
            )
            for row in rows
        ],
        customers_count=found.count(),
    )


@blueprint.get("/<customer:customer_id>")
@needs(Right.SEE_CUSTOMER)
@blueprint.output(DirectoryEntry, example={"customer": _RECORD, "resourcesCount": 1, "isWhole": True})
@blueprint.doc(responses={404: "The directory has no such customer."})
def show_customer(customer_id: str) -> DirectoryEntry:
    """Show a customer of the directory with his services and what they have"""
    return _entry(_the_customer(customer_id))


@blueprint.put("/<customer:customer_id>")
@needs(Right.ADMINISTER)
@blueprint.input(DirectoryEdit, example={"customer": _RECORD})
@blueprint.output(DirectoryEntry, example={"customer": _RECORD, "resourcesCount": 1, "isWhole": True})
@blueprint.doc(responses={409: "The customer is not as in the file, or has more resources than can be edited here."})
def put_customer(customer_id: str, json_data: DirectoryEdit) -> DirectoryEntry:
    """Add or change a customer of the directory

    The resources of each service in `customer` become exactly those given; services that it does not name stay.
    """
    if json_data.customer.get("customerId") != customer_id:
        raise Refused(f"customer.customerId: expected {customer_id[:100]} as in the path")
    stored = DirectoryResource.filter(service__customer__customer_id=customer_id)
    if json_data.customer.get("services") and stored.count() > MAX_RESOURCES:
        raise Refused(f"The customer has more than {MAX_RESOURCES} resources; import the file instead")
    _imported([json_data.customer], dry_run=False)
    return _entry(_the_customer(customer_id))


@blueprint.post("/import")
@needs(Right.ADMINISTER)
@blueprint.input(ImportParameters, location="query", arg_name="parameters")
@blueprint.input(DirectoryImport, example={"customers": [_RECORD]})
@blueprint.output(
    DirectoryChange, example={"customers": _COUNTS, "services": _COUNTS, "resources": _COUNTS, "warnings": []}
)
@blueprint.doc(responses={409: "Customers are not as the file has them; the message names the records and fields."})
def import_directory(parameters: ImportParameters, json_data: DirectoryImport) -> DirectoryChange:
    """Import customers into the directory, all or nothing

    The body is the file of `import-customers`. With `dryRun=true` it is only said what would change.
    """
    return DirectoryChange.of(_imported(json_data.customers, dry_run=parameters.dry_run))


@blueprint.before_request
def _allow_file() -> None:
    allow_large_body()


def _imported(documents: Sequence[dict[str, Any]], *, dry_run: bool) -> ImportResult:
    records: list[CustomerRecord | Fault] = []
    for number, document in enumerate(documents, 1):
        record = read_record(f"record {number}", document)
        records.extend(record if isinstance(record, list) else [record])
    result = import_customers(records, dry_run=dry_run)
    if result.faults:
        more = len(result.faults) - _SHOWN_FAULTS
        shown = "; ".join(str(fault) for fault in result.faults[:_SHOWN_FAULTS])
        raise Refused(f"{shown}; and {more} more" if more > 0 else shown)
    return result


def _the_customer(customer_id: str) -> DirectoryCustomer:
    row = DirectoryCustomer.filter(customer_id=customer_id).first()
    if row is None:
        raise not_found("customer in the directory", customer_id)
    return row


def _entry(row: DirectoryCustomer) -> DirectoryEntry:
    own = DirectoryResource.filter(service__customer=row).order_by("pk")
    count = own.count()
    first = list(own.values_list("pk", flat=True)[:MAX_RESOURCES])
    shown = Prefetch("resources", DirectoryResource.filter(pk__in=first).order_by("pk"))
    services = DirectoryService.filter(customer=row).order_by("pk").prefetch_related(shown)
    record = CustomerRecord.model_validate(
        {
            **row.data,
            "customer_id": row.customer_id,
            "services": [
                {
                    **service.data,
                    "service_id": service.service_id,
                    "resources": [_resource(one) for one in service.resources.all()],
                }
                for service in services
            ],
        }
    )
    return DirectoryEntry(
        customer=record.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        resources_count=count,
        is_whole=count <= MAX_RESOURCES,
    )


def _resource(row: DirectoryResource) -> dict[str, Any]:
    values = {
        "network": row.network and str(row.network),
        "domain": row.domain,
        "port_from": row.port_from,
        "port_to": row.port_to,
        "valid_from": row.valid_from and row.valid_from.isoformat(),
        "valid_to": row.valid_to and row.valid_to.isoformat(),
    }
    return {name: value for name, value in values.items() if value is not None}
