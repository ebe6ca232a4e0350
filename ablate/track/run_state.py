"""The state of a trial as MLflow holds it: the status of its run, and a tag with the exact word."""

from ablate.events import State

STATUSES = {  # state → the run status that MLflow has for it
    State.WAITING: "SCHEDULED",
    State.RUNNING: "RUNNING",
    State.FINISHED: "FINISHED",
    State.FAILED: "FAILED",
    State.OUT_OF_MEMORY: "FAILED",
    State.PRUNED: "KILLED",
    State.STOPPED: "KILLED",
    State.KILLED: "KILLED",
}
BY_STATUS = {  # run status → the state where no tag says more
    "SCHEDULED": State.WAITING,
    "RUNNING": State.RUNNING,
    "FINISHED": State.FINISHED,
    "FAILED": State.FAILED,
    "KILLED": State.KILLED,
}


def state_of(status: str, tag: str = "") -> State:
    """The state that the tag names where it agrees with the run's status, else the one that the status names."""
    exact = (state for state, agreeing in STATUSES.items() if state == tag and agreeing == status)
    return next(exact, BY_STATUS[status])
