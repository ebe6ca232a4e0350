"""A damaged journal of a search: what can be read of it is used, the rest is set aside."""

from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from ablate.search.journal import open_journal, proposed_trials, repair_journal, stored_name
from ablate.search.proposals import Proposals
from ablate.study.model import Study

MakeStudy = Callable[..., Study]
ASKED = 4


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "search.log"


@pytest.fixture
def study(search_study: MakeStudy) -> Study:
    return search_study()


@pytest.fixture
def lines(study: Study, journal: Path) -> list[bytes]:
    """The lines of a journal with four proposals, of which all are reported."""
    proposals = Proposals(study, journal, {})
    for number in range(ASKED):
        for trial in proposals.next():
            proposals.record(trial.key, {"linear/accuracy": 0.1 * number})
    return journal.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("damage", [b"\x00\xff{\n", b"[]\n", b'{"op_code": 5}\n', b"\n"])
def test_any_one_damaged_line_costs_at_most_one_proposal(
    study: Study, journal: Path, lines: list[bytes], damage: bytes
) -> None:
    whole = [frozen.params for frozen in Proposals(study, journal, {}).proposed]
    assert len(whole) == ASKED
    for place in range(len(lines)):
        journal.write_bytes(b"".join([*lines[:place], damage, *lines[place + 1 :]]))
        before = journal.read_bytes()
        readable = {trial.levels["method.epsilon"] for trial in proposed_trials(study, journal)}
        assert journal.read_bytes() == before, "a command that only reads changes nothing"
        assert repair_journal(study, journal) == 1
        aside = journal.with_name("search.log.damaged")
        assert aside.read_bytes() == damage
        aside.unlink()
        assert repair_journal(study, journal) == 0
        found = open_journal(study, journal)
        assert found.study_name == stored_name(study)
        kept = [frozen.params for frozen in Proposals(study, journal, {}).proposed]
        assert len(kept) >= ASKED - 1
        assert all(params in whole for params in kept)
        assert readable == {params["method.epsilon"] for params in kept}
        for frozen in found.trials:
            if frozen.values and frozen.params in whole:
                assert frozen.value == pytest.approx(0.1 * whole.index(frozen.params))


def test_a_last_line_that_a_kill_cut_short_is_set_aside(study: Study, journal: Path, lines: list[bytes]) -> None:
    journal.write_bytes(b"".join(lines)[:-5])
    assert repair_journal(study, journal) == 1
    assert len(Proposals(study, journal, {}).proposed) == ASKED


def test_a_journal_of_nothing_but_damage_begins_anew(study: Study, journal: Path) -> None:
    journal.write_bytes(b"\x00" * 500 + b"\n" + b"\x00" * 500)
    assert repair_journal(study, journal) == 2
    assert Proposals(study, journal, {}).proposed == []
    assert len(Proposals(study, journal, {}).next()) == 2


def test_a_whole_journal_is_left_as_it_is(study: Study, journal: Path, lines: list[bytes]) -> None:
    assert repair_journal(study, journal) == 0
    assert journal.read_bytes() == b"".join(lines)
    assert {frozen.state for frozen in open_journal(study, journal).trials} == {TrialState.COMPLETE}
