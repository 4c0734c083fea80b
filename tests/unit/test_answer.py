"""What an answer looks like where the terminal's encoding has few letters."""

import io

import pytest

from lab.commands.shared import answer, columns


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, *, as_json: bool) -> bytes:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding, write_through=True))
    answer({"text": text}, as_json, lambda: text)
    return raw.getvalue()


def test_letters_that_an_encoding_lacks_have_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "2\u202f000 of \u201cudp\u201d, 60.3\u201367.4\u00a0% \u4e2d"
    assert printed(monkeypatch, "ascii", text, as_json=False) == (
        b'2 000 of "udp", 60.3-67.4 % ?\n'
    )
    assert printed(monkeypatch, "utf-8", text, as_json=False) == f"{text}\n".encode()


def test_json_is_the_same_in_every_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {printed(monkeypatch, name, "\u4e2d", as_json=True) for name in ("ascii", "utf-8")}
    assert found == {b'{"text": "\\u4e2d"}\n'}


def test_a_pipe_has_a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", "40")
    assert columns() == 100
