"""Reply and bounce addresses: what proves something, and what only looks so."""

from __future__ import annotations

import pytest

from abuse.services.email.addresses import (
    TOKEN_LENGTH,
    TicketAddress,
    bounce_address,
    read_bounce_address,
    read_ticket_address,
    ticket_address,
)

DOMAIN = "example.net"
ADDRESS = ticket_address("BCDFGHJKLM", "Defendant", DOMAIN)


def proves(address: str) -> bool:
    found = read_ticket_address(address, DOMAIN)
    assert found is not None
    assert (found.public_id, found.category) == ("BCDFGHJKLM", "Defendant")
    return found.proven


def test_an_address_that_was_given_out_is_proven_whatever_its_case() -> None:
    assert read_ticket_address(ADDRESS, DOMAIN) == TicketAddress("BCDFGHJKLM", "Defendant", True)
    assert all(proves(address) for address in (ADDRESS.lower(), ADDRESS.upper(), f" {ADDRESS} "))


def test_it_has_sixty_bits_at_least_and_fits_into_a_local_part() -> None:
    longest = ticket_address("BCDFGHJKLM", "Masscontact", DOMAIN).partition("@")[0]
    assert TOKEN_LENGTH * 5 >= 60
    assert len(longest) <= 64
    assert longest.rpartition(".")[2].islower()


def test_without_a_token_or_with_another_one_it_names_the_ticket_and_proves_nothing() -> None:
    other_ticket = ticket_address("BCDFGHJKLN", "Defendant", DOMAIN).partition("@")[0].rpartition(".")[2]
    other_part = ticket_address("BCDFGHJKLM", "Plaintiff", DOMAIN).partition("@")[0].rpartition(".")[2]
    for token in ("", ".", f".{other_ticket}", f".{other_part}", ".a", f".{'a' * TOKEN_LENGTH}", f".{'é' * 3}"):
        address = f"ticket+BCDFGHJKLM.Defendant{token}@{DOMAIN}"
        found = read_ticket_address(address, DOMAIN)
        assert found is None or not found.proven, address
    assert not proves(f"ticket+BCDFGHJKLM.Defendant@{DOMAIN}")
    assert not proves(f"ticket+bcdfghjklm.defendant.{other_part}@{DOMAIN}")


@pytest.mark.parametrize(
    "address",
    [
        "abuse@example.net",
        ADDRESS.replace("example.net", "example.org"),
        "ticket+BCDFGHJKLM.Judge@example.net",
        "ticket+BCDFGHJKL.Defendant@example.net",
        "ticket+BCDFGHJKLM@example.net",
        f"ticket+BCDFGHJKLM.Defendant.{'a' * 65}@example.net",
        "",
    ],
)
def test_other_addresses_are_none_of_a_ticket(address: str) -> None:
    assert read_ticket_address(address, DOMAIN) is None


@pytest.mark.parametrize("mailbox", ["bounces@example.net", "mail+bounces@example.net"])
def test_a_bounce_address_says_which_mail_it_is_for(mailbox: str) -> None:
    address = bounce_address(mailbox, 4711)
    assert read_bounce_address(address, mailbox) == 4711
    assert read_bounce_address(address.upper(), mailbox) == 4711
    assert read_bounce_address(address.replace("4711", "4712"), mailbox) is None
    assert read_bounce_address(mailbox, mailbox) is None
    assert read_bounce_address(address, "other@example.net") is None
    assert len(bounce_address("a" * 30 + "@example.net", 10**17).partition("@")[0]) <= 64
