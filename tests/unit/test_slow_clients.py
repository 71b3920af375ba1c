"""Connections on which nothing is ever asked are closed; others are not."""

from devkit.host.slow_clients import SilentConnections


class Wire:
    def __init__(self):
        self.transport, self.is_closed = self, False

    def close(self):
        self.is_closed = True


def test_only_those_are_closed_that_have_asked_nothing_for_half_a_minute():
    first, second = Wire(), Wire()
    there = [first]
    silent = SilentConnections(lambda: there)
    silent.close_those(100.0)
    there.append(second)
    silent.close_those(129.9)
    assert not first.is_closed
    silent.close_those(130.0)
    assert (first.is_closed, second.is_closed) == (True, False)
    there.remove(first)
    silent.close_those(160.0)
    assert second.is_closed
