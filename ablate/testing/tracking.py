"""The contract of tracking stores, as tests."""

from ablate.testing.tracking_scores import RecordedScores
from ablate.testing.tracking_settling import SettledStudies
from ablate.testing.tracking_studies import StudyRuns
from ablate.testing.tracking_trials import RecordedTrials
from ablate.testing.tracking_uploads import InterruptedUploads


class TrackingContract(RecordedTrials, RecordedScores, InterruptedUploads, StudyRuns, SettledStudies):
    """What every tracking store promises.  A subclass for pytest overrides the fixture `tracking`."""
