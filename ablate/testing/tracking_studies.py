"""What tracking stores promise of the runs of studies and variants: one each, with state, claim and files."""

from pathlib import Path

import pytest

from ablate.errors import ServiceError
from ablate.events import State
from ablate.testing.tracking_fixtures import TrackingFixtures, make_trial
from ablate.track.store import Claim, TrackingStore


class StudyRuns(TrackingFixtures):
    """The runs of studies and of variants."""

    def test_a_study_without_runs_has_an_empty_snapshot(self, tracking: TrackingStore, study: str) -> None:
        snapshot = tracking.snapshot(study)
        assert (snapshot.study, snapshot.variants, dict(snapshot.records)) == (study, (), {})
        assert snapshot.study_state is None

    def test_a_study_has_one_run_whose_state_is_that_of_the_last_launch(
        self, tracking: TrackingStore, study: str
    ) -> None:
        run_id = tracking.open_study(study, "How far?", "seeds: 1\n", tracking.snapshot(study))
        running = tracking.snapshot(study)
        assert running.study_state is State.RUNNING
        tracking.close_study(study, State.STOPPED, running)
        stopped = tracking.snapshot(study)
        assert stopped.study_state is State.STOPPED
        assert tracking.open_study(study, "How far now?", "seeds: 2\n", stopped) == run_id
        assert tracking.snapshot(study).study_state is State.RUNNING
        tracking.close_study(study, State.FINISHED)
        assert tracking.snapshot(study).study_state is State.FINISHED

    def test_a_claim_is_read_until_the_study_is_closed(self, tracking: TrackingStore, study: str) -> None:
        assert tracking.read_claim(study) is None
        tracking.open_study(study, "How far?", "seeds: 1\n", tracking.snapshot(study))
        assert tracking.read_claim(study) is None
        for claim in (Claim("1", "process 7 on here", "a"), Claim("1", "process 7 on here", "b"), Claim("2", "", "a")):
            tracking.write_claim(study, claim)
            assert tracking.read_claim(study) == claim
            assert tracking.snapshot(study).claim == claim
        tracking.close_study(study, State.FINISHED)
        assert tracking.read_claim(study) is None

    def test_files_of_a_study_replace_those_of_the_same_name(
        self, tracking: TrackingStore, study: str, tmp_path: Path
    ) -> None:
        run_id = tracking.open_study(study, "How far?", "seeds: 1\n", tracking.snapshot(study))
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "answer.md").write_text("far", encoding="utf-8")
        tracking.attach_text(study, "near", "answer.md")
        tracking.attach(study, tmp_path / "report")
        for name, content in (("answer.md", "far"), ("study.yaml", "seeds: 1\n")):
            path = tracking.fetch(run_id, name, tmp_path / "fetched")
            assert path == tmp_path / "fetched" / name
            assert path.read_text(encoding="utf-8") == content

    def test_files_cannot_be_attached_to_a_study_without_a_run(
        self, tracking: TrackingStore, study: str, tmp_path: Path
    ) -> None:
        with pytest.raises(ServiceError, match=study):
            tracking.attach(study, tmp_path)

    def test_a_variant_has_one_run_that_is_running(self, tracking: TrackingStore, study: str) -> None:
        trials = [make_trial(study, 0), make_trial(study, 1), make_trial(study, 0, epsilon=2.0)]
        opened = tracking.open_variants(trials, tracking.snapshot(study))
        assert set(opened) == {trials[0].variant, trials[2].variant}
        snapshot = tracking.snapshot(study)
        assert {run.variant: run.run_id for run in snapshot.variants} == opened
        assert {run.state for run in snapshot.variants} == {State.RUNNING}
        assert tracking.open_variants(trials, snapshot) == opened
