"""Where alerts may go: to public addresses over https, and to hosts that the settings name."""

import pytest

from shared.adapters.webhook import GuardedWebhooks, is_public, read_names
from shared.domain.errors import Invalid

PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.7"


def guard(*addresses: str, private_hosts: frozenset[str] = frozenset()) -> GuardedWebhooks:
    """A guard for which every name stands for these addresses; without any, no name is known."""
    return GuardedWebhooks(private_hosts, lambda _host, _port: list(addresses))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "168.63.129.16",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:168.63.129.16", "::127.0.0.1",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2001:0:5ef5:79fd::f5ff:fffe",
    ],
)  # fmt: skip
def test_an_address_of_our_own_surroundings_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8", "2002:808:808::1"],
)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example/T0/B0?x=1", "hooks.example"),
        ("https://HOOKS.example", "hooks.example"),
        ("HTTPS://hooks.example./", "hooks.example"),
        ("https://hooks.example:443/", "hooks.example"),
        ("https://hooks.example:8443/", "hooks.example"),
        (f"https://{PUBLIC}/", PUBLIC),
    ],
)
def test_a_public_address_over_https_is_allowed(url, host):
    assert guard(PUBLIC).check(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "//hooks.example/", "http://hooks.example/", "ftp://hooks.example/",
        "file:///etc/passwd", "gopher://hooks.example/", "https://", "https:///path",
        "https://ana@hooks.example/", "https://:secret@hooks.example/", "https://@hooks.example/",
        "https://hooks.example/#part", "https://hooks.example:22/", "https://hooks.example:80/",
        "https://hooks.example:0/", "https://hooks.example:99999/", "https://hooks.example:port/",
        "https://hooks.example/a b", "https://hooks.example/a\r\nHost: other", "https://hooks.example\\@other/",
        "https://höoks.example/", "https://[::1/", "https://hooks.example/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_an_address_that_is_none_of_these_is_refused_without_being_repeated(url):
    with pytest.raises(Invalid) as raised:
        guard(PUBLIC).check(url)
    assert raised.value.errors[0]["pointer"] == "/url"
    assert "secret" not in raised.value.message


@pytest.mark.parametrize("addresses", [(PRIVATE,), (PUBLIC, PRIVATE), (PRIVATE, PUBLIC), ("::1",), ()])
def test_every_address_that_a_name_stands_for_must_be_public(addresses):
    with pytest.raises(Invalid):
        guard(*addresses).check("https://hooks.example/")


def test_a_host_that_the_settings_name_may_be_private_plain_and_on_any_port():
    allowed = guard(PRIVATE, private_hosts=read_names("relay.internal, Other.Internal,,"))
    for url in ("http://relay.internal/", "https://other.internal:25/", "http://RELAY.internal:80/x"):
        assert allowed.check(url)
    for url in ("http://hooks.example/", "https://relay.internal.example/", "http://xrelay.internal/"):
        with pytest.raises(Invalid):
            allowed.check(url)


@pytest.mark.parametrize(
    "spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]"]
)
def test_no_spelling_of_our_own_machine_is_allowed(spelling):
    with pytest.raises(Invalid):
        GuardedWebhooks(frozenset()).check(f"https://{spelling}/")


def test_a_name_that_points_elsewhere_when_it_is_sent_to_is_refused_then():
    answers = [[PUBLIC], [PRIVATE]]
    webhooks = GuardedWebhooks(frozenset(), lambda _host, _port: answers.pop(0))
    assert webhooks.check("https://hooks.example/")
    delivery = webhooks.post("https://hooks.example/", b"{}", {}, 5)
    assert (delivery.status, "not a public one" in delivery.problem) == (None, True)
