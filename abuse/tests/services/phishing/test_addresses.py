"""Which addresses may be asked about a reported page."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest

from abuse.services.phishing.addresses import RefusedTarget, check_address, embedded

REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.9", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "168.63.129.16",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "100::1",
    "5f00::1", "2001::1", "2001:20::1", "64:ff9b:1::808:808",
    # an IPv4 address that may not be asked, within an IPv6 address
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::",
    "2002:a00:1::1", "2002:a9fe:a9fe::1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1",
    "2001:0:808:808:0:0:80ff:fffe",  # Teredo: client 127.0.0.1
    "2001:0:7f00:1:0:0:f7f7:f7f7",  # Teredo: server 127.0.0.1
    "2a00:1450::5efe:127.0.0.1", "2a00:1450::200:5efe:10.0.0.1",  # ISATAP
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "192.0.1.1", "198.20.0.1",
    "223.255.255.255", "2606:4700::1111", "2a00:1450:4007::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(RefusedTarget, match=f"^address {re.escape(str(ip_address(address)))}: ") as caught:
        check_address(ip_address(address))
    assert caught.value.permanent


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_asked(address: str) -> None:
    check_address(ip_address(address))


def test_what_stands_in_an_address() -> None:
    found = {text: [str(one) for one in embedded(ip_address(text))] for text in REFUSED + PUBLIC}
    assert found["2002:a9fe:a9fe::1"] == ["169.254.169.254"]
    assert found["2001:0:808:808:0:0:80ff:fffe"] == ["8.8.8.8", "127.0.0.1"]
    assert found["2a00:1450::200:5efe:10.0.0.1"] == ["10.0.0.1"]
    assert found["2606:4700::1111"] == found["10.0.0.1"] == []


def test_a_laboratory_allows_its_own_networks_and_no_more() -> None:
    allowed = (ip_network("127.0.0.0/30"),)
    check_address(ip_address("127.0.0.1"), allowed=allowed)
    for address in ("127.0.0.5", "10.0.0.1", "::1", "::ffff:127.0.0.1"):
        with pytest.raises(RefusedTarget):
            check_address(ip_address(address), allowed=allowed)


def test_a_public_network_of_ones_own_can_be_refused() -> None:
    refused = (ip_network("8.8.8.0/24"), ip_network("2606:4700::/32"))
    check_address(ip_address("8.8.4.4"), refused=refused)
    for address in ("8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1111"):
        with pytest.raises(RefusedTarget, match="a network that the settings refuse"):
            check_address(ip_address(address), refused=refused)
