"""Messages keep their values on the way through JSON, and anything else is refused."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.cluster.supervisor import error_of
from ablate.codec import Codec
from ablate.errors import DataError, ServiceError, StudyError
from ablate.events import (
    MESSAGES,
    Activity,
    BudgetLeft,
    Ended,
    EpochValues,
    ExecutorLost,
    Heartbeat,
    Joined,
    JournalRepaired,
    NodeRefused,
    NodesChanged,
    NoWorkers,
    Over,
    Paused,
    Progress,
    Proposed,
    Ready,
    Refused,
    RunsLink,
    Stage,
    StageBegan,
    State,
    Stopping,
    WaitingForNodes,
)
from ablate.launch_config import (
    CLUSTER_REQUEST,
    LAUNCH_CONFIG,
    PACK_CONFIG,
    ClusterRequest,
    InterimProbe,
    LaunchConfig,
    Outcome,
    PackConfig,
    RunRef,
)
from ablate.stopping import STOP_REQUEST, StopRequest
from ablate.trial import Config, Trial

CODECS: tuple[Codec[Any], ...] = (MESSAGES, LAUNCH_CONFIG, PACK_CONFIG, CLUSTER_REQUEST, STOP_REQUEST)

names = st.text(min_size=1, max_size=20)
numbers = st.floats(allow_nan=False)
values = st.none() | st.booleans() | st.integers() | numbers | st.text(max_size=20)
settings = st.dictionaries(names, values, max_size=3)
metrics = st.dictionaries(names, numbers, max_size=3)
configs = st.builds(Config, names, names, settings, names, names, settings, st.integers(0, 2**32 - 1))
trials = st.builds(Trial, configs, st.dictionaries(names, settings, max_size=2), names, settings, names)
packs = st.lists(trials, min_size=1, max_size=2).map(tuple)
run_refs = st.dictionaries(
    names, st.builds(RunRef, names, names, st.booleans(), st.dictionaries(names, names, max_size=2)), max_size=2
)
messages = st.one_of(
    st.builds(Progress, st.lists(names, max_size=3).map(tuple), st.integers(), numbers, st.sampled_from(Activity)),
    st.builds(EpochValues, names, st.integers(), metrics),
    st.builds(Ended, names, st.sampled_from(State), st.text(), metrics),
    st.builds(Paused, names),
    st.builds(RunsLink, names),
    st.builds(Ready, st.integers(), st.integers()),
    st.builds(NodesChanged, st.integers(), st.integers()),
    st.builds(NodeRefused, names, names, names),
    st.builds(Joined, st.integers()),
    st.builds(WaitingForNodes, st.integers()),
    st.builds(NoWorkers, numbers, names),
    st.builds(JournalRepaired, st.integers(), names),
    st.builds(Proposed, packs),
    st.builds(Refused, names, names, names, st.integers()),
    st.builds(StopRequest, st.sampled_from(State), st.text()),
    st.sampled_from([Heartbeat(), Stopping(), ExecutorLost(), Over()]),
    st.builds(StageBegan, st.sampled_from(Stage)),
    st.builds(BudgetLeft, numbers, st.integers(0)),
    st.builds(ClusterRequest, names, names, st.booleans(), st.integers(), numbers),
    st.builds(
        LaunchConfig,
        store=names,
        uri=names,
        study=names,
        packs=st.lists(packs, max_size=3).map(tuple),
        run_refs=run_refs,
        outcomes=st.dictionaries(
            names, st.builds(Outcome, st.sampled_from(State), metrics, st.dictionaries(names, numbers)), max_size=2
        ),
        checkpoint_every=numbers,
        judged=packs,
    ),
    st.builds(
        PackConfig,
        trials=packs,
        run_refs=run_refs,
        study=names,
        store=names,
        gpu=numbers,
        threads=st.integers(),
        checkpoint_every=numbers,
        pretraining=st.lists(names, max_size=2).map(tuple),
        interim=st.none() | st.builds(InterimProbe, names, settings, st.integers()),
        rungs=st.lists(st.integers(), max_size=2).map(tuple),
    ),
)


@given(messages)
def test_a_message_is_one_line_that_decodes_to_itself(message: object) -> None:
    codec = next(codec for codec in CODECS if type(message) in codec.names)
    line = codec.encode(message)
    assert line.splitlines() == [line]
    assert codec.decode(line) == message


def test_every_kind_of_message_is_tested() -> None:
    tested = {
        Paused,
        RunsLink,
        Progress,
        EpochValues,
        Ended,
        Ready,
        Proposed,
        Refused,
        StopRequest,
        ClusterRequest,
        Heartbeat,
        Joined,
        Stopping,
        ExecutorLost,
        JournalRepaired,
        NodeRefused,
        NodesChanged,
        NoWorkers,
        StageBegan,
        BudgetLeft,
        WaitingForNodes,
    }
    assert {kind for codec in CODECS for kind in codec.names} == {*tested, Over, LaunchConfig, PackConfig}


def test_keys_of_decoded_trials_are_the_same(make_trial: Callable[..., Trial]) -> None:
    sent = Proposed((make_trial(0), make_trial(1)))
    decoded = MESSAGES.decode(MESSAGES.encode(sent))
    assert isinstance(decoded, Proposed)
    assert [trial.key for trial in decoded.trials] == [trial.key for trial in sent.trials]


def test_metrics_that_are_not_finite_are_kept() -> None:
    ended = MESSAGES.decode(MESSAGES.encode(Ended("k", State.FAILED, metrics={"a": math.nan, "b": -math.inf})))
    assert isinstance(ended, Ended)
    assert math.isnan(ended.metrics["a"])
    assert ended.metrics["b"] == -math.inf


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "not JSON",
        '{"kind": "unknown", "version": 1}',
        '{"kind": "ready", "version": 1}',
        '{"kind": "ready", "version": 1, "slots": 1, "nodes": 1, "more": 1}',
        '{"kind": "ended", "version": 1, "trial": "k", "state": "no such state"}',
        json.dumps({"kind": "heartbeat", "version": 2}),
    ],
)
def test_a_line_that_is_no_message_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        MESSAGES.decode(line)


@pytest.mark.parametrize(("code", "kind"), [(1, ServiceError), (2, StudyError), (3, DataError)])
def test_a_refusal_becomes_the_error_that_it_was(code: int, kind: type[Exception]) -> None:
    message = MESSAGES.decode(MESSAGES.encode(Refused("no data", "fetch them", "mnist", code)))
    assert isinstance(message, Refused)
    error = error_of(message)
    assert type(error) is kind
    assert str(error) == "mnist: no data; fetch them"


def test_states_that_end_a_trial() -> None:
    assert {state for state in State if state.ended} == {
        State.FINISHED,
        State.FAILED,
        State.PRUNED,
        State.OUT_OF_MEMORY,
    }
    assert {state for state in State if state.failed} == {State.FAILED, State.OUT_OF_MEMORY}
