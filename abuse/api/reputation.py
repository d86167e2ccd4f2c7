"""What others, and the desk itself, know of an address or URL."""

from __future__ import annotations

from apiflask import APIBlueprint
from pydantic import Field, RootModel

from abuse.controllers.editing import Refused
from abuse.parsers import hosts, urls
from abuse.policies import Right
from abuse.services.facade import facade
from abuse.services.reputation import Reputation, ReputationService

from .access import needs
from .answers import Answer, EpochSeconds
from .bodies import Body, not_found
from .filters import Text

blueprint = APIBlueprint("reputation", __name__, url_prefix="/api/reputation", tag="Reputation")

_LISTED = {"shortName": "zen", "fullName": "ZEN", "result": True}


class Listed(Answer):
    short_name: str
    full_name: str
    result: bool


class ListedAnswers(RootModel[list[Listed]]):
    """Whether lists name the address."""


class Weighed(Answer):
    short_name: str
    full_name: str
    result: int = Field(description="0: not listed.")


class WeighedAnswers(RootModel[list[Weighed]]):
    """What other sources say."""


class OwnHistory(Answer):
    short_name: str
    full_name: str
    result: bool
    blacklisted: bool | None
    last_event: EpochSeconds | None


class OwnHistories(RootModel[list[OwnHistory]]):
    """What the desk itself knows."""


class ToolAnswer(Answer):
    short_name: str
    full_name: str
    uri: str


class ToolAnswers(RootModel[list[ToolAnswer]]):
    """Pages elsewhere."""


class ReputationEvent(Answer):
    timestamp: EpochSeconds
    weight: str
    data: str


class ReputationEvents(RootModel[list[ReputationEvent]]):
    """What is behind a source's word."""


class UrlToAsk(Body):
    url: Text


@blueprint.get("/ip/<ip>/rbl")
@needs(Right.WORK)
@blueprint.output(ListedAnswers, example=[_LISTED])
def list_rbl(ip: str) -> ListedAnswers:
    """Ask DNS block lists about an address"""
    rows = ReputationService.get_ip_rbl_reputations(_address(ip)) if _is_there() else ()
    return ListedAnswers([Listed(short_name=r.short_name, full_name=r.full_name, result=r.result) for r in rows])


@blueprint.get("/ip/<ip>/external")
@needs(Right.WORK)
@blueprint.output(WeighedAnswers, example=[{**_LISTED, "result": 1}])
def list_external(ip: str) -> WeighedAnswers:
    """Ask other sources about an address"""
    rows = ReputationService.get_ip_external_reputations(_address(ip)) if _is_there() else ()
    return WeighedAnswers([_weighed(row) for row in rows])


@blueprint.get("/ip/<ip>/external/<source>")
@needs(Right.WORK)
@blueprint.output(ReputationEvents, example=[{"timestamp": 1767229200, "weight": "10", "data": "seen sending spam"}])
def list_external_events(ip: str, source: str) -> ReputationEvents:
    """Ask what is behind another source's word"""
    rows = ReputationService.get_ip_external_details(_address(ip), source) if _is_there() else ()
    return ReputationEvents(
        [ReputationEvent(timestamp=row.timestamp, weight=row.result, data=row.detail) for row in rows]
    )


@blueprint.get("/ip/<ip>/internal")
@needs(Right.WORK)
@blueprint.output(OwnHistories, example=[{**_LISTED, "blacklisted": False, "lastEvent": 1767229200}])
def list_internal(ip: str) -> OwnHistories:
    """Ask what the desk itself knows of an address"""
    rows = ReputationService.get_ip_internal_reputations(_address(ip)) if _is_there() else ()
    return OwnHistories(
        [
            OwnHistory(
                short_name=row.short_name,
                full_name=row.full_name,
                result=row.result,
                blacklisted=row.blacklisted,
                last_event=row.last_event,
            )
            for row in rows
        ]
    )


@blueprint.get("/ip/<ip>/tool")
@needs(Right.WORK)
@blueprint.output(ToolAnswers, example=[{"shortName": "x", "fullName": "X", "uri": "https://tools.example/192.0.2.1"}])
def list_tools(ip: str) -> ToolAnswers:
    """List pages elsewhere that tell more about an address"""
    rows = ReputationService.get_ip_tools(_address(ip)) if _is_there() else ()
    return ToolAnswers([ToolAnswer(short_name=r.short_name, full_name=r.full_name, uri=r.uri) for r in rows])


@blueprint.post("/url/external")
@needs(Right.WORK)
@blueprint.input(UrlToAsk, example={"url": "http://bad.example/login"})
@blueprint.output(WeighedAnswers, example=[{**_LISTED, "result": 1}])
def list_url_external(json_data: UrlToAsk) -> WeighedAnswers:
    """Ask other sources about a URL"""
    url = urls.normalise(json_data.url)
    if url is None:
        raise Refused(f"url: {json_data.url[:100]!r}; expected a URL")
    rows = ReputationService.get_url_external_reputations(url.value) if _is_there() else ()
    return WeighedAnswers([_weighed(row) for row in rows])


def _is_there() -> bool:
    return facade("ReputationServiceBase").is_implemented()


def _weighed(row: Reputation) -> Weighed:
    return Weighed(short_name=row.short_name, full_name=row.full_name, result=int(row.result))


def _address(text: str) -> str:
    address = hosts.ip(text)
    if address is None:
        raise not_found("address", repr(text[:60]))
    return address
