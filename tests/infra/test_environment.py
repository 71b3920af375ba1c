"""The environment of these checks says what is wrong when it cannot be made, and is not taken for one that was made."""

import pytest

from tests.infra.environment import make_environment


def test_without_a_network_the_failure_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    pins = tmp_path / "requirements.txt"
    pins.write_text("tree-sitter==0.26.1\n")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(RuntimeError, match="is there a network") as raised:
        make_environment(tmp_path / "made", pins)
    assert str(pins) in str(raised.value)
    assert "tree-sitter" in str(raised.value)
    assert not (tmp_path / "made" / "stamp").exists()
