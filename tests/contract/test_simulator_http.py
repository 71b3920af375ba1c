"""The simulator speaks HTTP as real clients do, including the odd ones."""

import json
import socket

import pytest
import requests

from devkit.autopilot.simulator import DEFAULT_KEY
from tests.contract.autopilot_caller import exchange

HEADERS = f"Host: localhost\r\nAutopilotApiKey: {DEFAULT_KEY}\r\n".encode()
CONTACT = b'{"contact":{"Email":"a@example.com"}}'


def test_a_missing_key_and_a_wrong_one_are_told_apart(autopilot):
    missing = requests.get(f"{autopilot.url}/v1/lists", timeout=20)
    wrong = requests.get(f"{autopilot.url}/v1/lists", headers={"autopilotapikey": "no"}, timeout=20)
    assert (missing.status_code, missing.json()) == (
        400,
        {"error": "Bad Request", "message": "No autopilotapikey header provided."},
    )
    assert (wrong.status_code, wrong.json()) == (
        401,
        {"error": "Unauthorized", "message": "Provided autopilotapikey not valid."},
    )


def test_unknown_paths_and_methods_have_the_other_shape_of_error(call):
    assert call("GET", "/nothing").json()["code"] == "ResourceNotFound"
    wrong_method = call("PUT", "/lists")
    assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "MethodNotAllowed")


def test_nothing_is_served_outside_of_v1_and_control(autopilot):
    for path in ("/", "/v1x/lists", "/lists", "/controls"):
        assert requests.get(autopilot.url + path, timeout=20).status_code == 404


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_json_is_read_whatever_its_type_claims(call, content_type):
    headers = {"Content-Type": content_type}
    assert call("POST", "/contact", data=CONTACT, headers=headers).status_code == 200


def test_a_json_string_that_contains_json_is_read_twice(call, autopilot):
    assert call("POST", "/contact", json=CONTACT.decode()).status_code == 200
    assert "a@example.com" in autopilot.state.by_email


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", json.dumps("{").encode()])
def test_malformed_json_is_refused(call, body):
    answer = call("POST", "/contact", data=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidContent")


def test_unknown_query_parameters_are_ignored(call):
    assert call("GET", "/lists?limit=5&x").status_code == 200


def test_chunked_bodies_are_put_together(call, autopilot):
    assert call("POST", "/contact", data=iter([CONTACT[:5], CONTACT[5:]])).status_code == 200
    assert "a@example.com" in autopilot.state.by_email


def test_a_request_may_arrive_byte_by_byte(autopilot):
    request = (
        b"POST /v1/contact HTTP/1.1\r\n"
        + HEADERS
        + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"5;note=x\r\n" + CONTACT[:5] + b"\r\n" + f"{len(CONTACT) - 5:X}\r\n".encode() + CONTACT[5:] + b"\r\n"
        b"0\r\nTrailer: x\r\n\r\n"
    )
    assert exchange(autopilot, *(request[at : at + 1] for at in range(len(request)))).startswith(
        b"HTTP/1.1 200 OK"
    )
    assert "a@example.com" in autopilot.state.by_email


def test_requests_in_one_packet_are_answered_in_order(autopilot):
    autopilot.switches.update({"latency_ms": 5})
    get = b"GET /v1/%s HTTP/1.1\r\n" + HEADERS + b"\r\n"
    last = b"GET /v1/triggers HTTP/1.1\r\n" + HEADERS + b"Connection: close\r\n\r\n"
    answers = exchange(autopilot, get % b"account" + get % b"lists" + last)
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert 0 < answers.index(b"instanceId") < answers.index(b'"lists"') < answers.index(b'"triggers"')


def test_a_client_that_expects_100_continue_gets_it_before_it_sends_the_body(autopilot):
    head = (
        b"POST /v1/contact HTTP/1.1\r\n" + HEADERS + b"Expect: 100-continue\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(CONTACT)
    )
    with socket.create_connection(("127.0.0.1", autopilot.port), timeout=20) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(CONTACT)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_a_raw_space_in_a_path_is_tolerated(autopilot):
    request = b"GET /v1/list/contactlist_Sunset Contacts/contacts HTTP/1.1\r\n" + HEADERS
    assert exchange(autopilot, request + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 404 Not Found")


def test_http_1_0_closes_after_the_answer(autopilot):
    answer = exchange(autopilot, b"GET /v1/lists HTTP/1.0\r\n" + HEADERS + b"\r\n")
    assert answer.endswith(b'{"lists":[]}')
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /v1/lists HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/contact HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST /v1/contact HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
    ],
)
def test_malformed_requests_get_400_and_the_connection_ends(autopilot, request_bytes):
    assert exchange(autopilot, request_bytes).startswith(b"HTTP/1.1 400 Bad Request")
