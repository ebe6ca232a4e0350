"""`ablate status --watch` prints the status again where it has changed, until Ctrl-C."""

import json
from collections.abc import Sequence

import pytest

from ablate.driver.status import Status
from ablate.events import State
from ablate.view import watch


def test_the_status_is_printed_at_every_change_until_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "EVERY", 0.0)
    counts: list[dict[State, int]] = [{State.WAITING: 2}, {State.WAITING: 2}, {State.WAITING: 1, State.FINISHED: 1}]

    def look() -> Sequence[Status]:
        if not counts:
            raise KeyboardInterrupt
        return (Status("small", counts.pop(0)),)

    watch.print_changes(look, as_json=True)
    printed = [json.loads(line)[0]["counts"] for line in capsys.readouterr().out.splitlines()]
    assert printed == [{"waiting": 2}, {"waiting": 1, "finished": 1}]


def test_a_store_without_studies_is_said_to_be_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "EVERY", 0.0)
    found: list[Sequence[Status]] = [(), (), (Status("small", {State.WAITING: 2}),)]

    def look() -> Sequence[Status]:
        if not found:
            raise KeyboardInterrupt
        return found.pop(0)

    watch.print_changes(look, as_json=True)
    out, err = capsys.readouterr()
    assert [len(json.loads(line)) for line in out.splitlines()] == [0, 1]
    assert err == "no study was launched in this store yet; waiting for one\n"
