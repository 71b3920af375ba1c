"""Webhooks: requests to addresses that people gave, and a guard that keeps them off our own surroundings.

An address is looked up once; every address it stands for must be public, and one of exactly those is connected to,
so that a name cannot point elsewhere a moment later (OWASP, "Server Side Request Forgery Prevention"). The request
goes straight there: no proxy, no redirection. Names listed as private are trusted, also over http.
"""

import contextlib
import http.client
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.domain.errors import Invalid
from shared.domain.ports import Delivery

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

_LONGEST_URL = 2_000
_LONGEST_ANSWER = 1_024
_LONGEST_QUOTE = 200
_HTTPS_PORT, _FIRST_FREE_PORT = 443, 1_024
# Azure's own services behind one public address (Microsoft Learn, "What is IP address 168.63.129.16?").
_AZURE_FABRIC = ipaddress.ip_address("168.63.129.16")


def read_names(text: str) -> frozenset[str]:
    """Return the host names of a setting: in lower case, from a list with commas."""
    return frozenset(filter(None, (name.strip().lower() for name in text.split(","))))


def look_up(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, without repetition. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(text: str) -> bool:
    """Tell whether an IP address is one that anybody on the internet may serve; also what IPv6 addresses embed counts."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        teredo = address.teredo or ()
        embedded = [each for each in (address.ipv4_mapped, address.sixtofour, *teredo) if each]
        if embedded:
            return all(map(_is_public, embedded))
    return _is_public(address)


def _is_public(address: Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    if isinstance(address, ipaddress.IPv6Address):
        special = special or address.is_site_local  # deprecated, and still routed in old networks
    return address.is_global and not special and address != _AZURE_FABRIC


@dataclass(frozen=True, slots=True)
class _Target:
    https: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]


class GuardedWebhooks:
    """Implements the port ``Webhooks``. ``private_hosts`` are names in lower case."""

    def __init__(self, private_hosts: Collection[str], resolve: Resolve = look_up) -> None:
        self._private_hosts, self._resolve = frozenset(private_hosts), resolve

    def check(self, url: str) -> str:
        return self._target(url).host

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Delivery:
        try:
            target = self._target(url)
        except Invalid as problem:
            return Delivery(0, problem=problem.message)
        started = time.monotonic()
        status, words, problem_text = None, "", ""
        try:
            status, words = self._exchange(target, body, headers, timeout_s)
        except ssl.SSLError as problem:
            reason = getattr(problem, "verify_message", "") or "no secure connection"
            problem_text = f"TLS with {target.host} failed: {reason}."
        except (OSError, http.client.HTTPException, ValueError) as problem:
            problem_text = f"{target.host} did not answer ({type(problem).__name__})."
        duration_ms = round((time.monotonic() - started) * 1000)
        if status is None:
            if duration_ms >= timeout_s * 1000:
                problem_text = f"{target.host} did not answer within {timeout_s:g} s."
            return Delivery(duration_ms, problem=problem_text)
        if 200 <= status < 300:
            return Delivery(duration_ms, status)
        return Delivery(duration_ms, status, f"{target.host} answered with status {status}{words}.")

    def _target(self, url: str) -> _Target:
        parts, host, port = _parse(url)
        trusted = host in self._private_hosts
        if parts.scheme != "https" and not (trusted and parts.scheme == "http"):
            raise _invalid("it must begin with https://")
        if not trusted and port != _HTTPS_PORT and port < _FIRST_FREE_PORT:
            raise _invalid(f"its port must be {_HTTPS_PORT}, or {_FIRST_FREE_PORT} and above")
        try:
            addresses = tuple(self._resolve(host, port))
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise _invalid(f"the host '{host}' cannot be found")
        if not trusted and not all(map(is_public, addresses)):
            raise _invalid(f"the host '{host}' is not a public one")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Target(parts.scheme == "https", host, port, path, addresses)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(
            cafile=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
        )

    def _exchange(
        self, target: _Target, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> tuple[int, str]:
        deadline = time.monotonic() + timeout_s
        connection = http.client.HTTPConnection(target.host, target.port)
        with _connect(target.addresses, target.port, deadline) as plain, contextlib.ExitStack() as stack:
            sock = plain
            if target.https:
                sock = stack.enter_context(
                    self._tls.wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)
                )
            is_cut_off = stack.enter_context(_cut_off(sock, deadline))
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection.sock = sock
            connection.request("POST", target.path, body, {**headers, "Host": _authority(target)})
            with connection.getresponse() as answer:
                if is_cut_off():
                    raise TimeoutError
                return answer.status, "" if answer.status < 300 else _quote(answer, target.path)


def _parse(url: str) -> tuple[SplitResult, str, int]:
    """Split an address into its parts, its host in lower case and its port. Raises Invalid."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or re.search(r"[\s\\]", url):
        raise _invalid(f"it must be at most {_LONGEST_URL:,} ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _invalid("it cannot be read") from None
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise _invalid("it must name a host, and neither a user nor a fragment")
    return (
        parts,
        host,
        _HTTPS_PORT if port is None and parts.scheme == "https" else 80 if port is None else port,
    )


def _invalid(why: str) -> Invalid:
    return Invalid(
        f"Alerts cannot go to this address: {why}.",
        errors=[{"pointer": "/url", "detail": why}],
        remedy="Give the address as the receiver shows it. Hosts of your own network are listed in the setting "
        "ALERT_PRIVATE_HOSTS.",
    )


def _connect(addresses: Collection[str], port: int, deadline: float) -> socket.socket:
    """Connect to the first address that takes it."""
    failure: OSError = TimeoutError()
    for address in addresses:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left_s)
        except OSError as problem:
            failure = problem
    raise failure


@contextlib.contextmanager
def _cut_off(sock: socket.socket, deadline: float) -> Iterator[Callable[[], bool]]:
    """End the exchange at the deadline: a receiver that sends a byte now and then would reset any other timeout.

    Gives a function that tells whether that has happened.
    """
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield is_over.is_set
    finally:
        timer.cancel()


def _authority(target: _Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = target.port == (_HTTPS_PORT if target.https else 80)
    return host if usual else f"{host}:{target.port}"


def _quote(answer: http.client.HTTPResponse, path: str) -> str:
    """Return the receiver's own words if they are one short line (Slack's are) and repeat nothing of the address."""
    try:
        text = answer.read(_LONGEST_ANSWER).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        return ""
    secret = [part for part in re.split(r"[/?&=]", path) if len(part) >= 6]
    if (
        not text
        or len(text) > _LONGEST_QUOTE
        or not text.isprintable()
        or any(part in text for part in secret)
    ):
        return ""
    return f": {text.rstrip('.')}"
