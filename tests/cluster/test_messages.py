"""What the driver and the conductor say arrives as it was said."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.cluster.messages import LaunchConfig, Message
from ablate.cluster.supervisor import refusal
from ablate.errors import DataError, ServiceError, StudyError
from ablate.track.spool import RunRef
from ablate.trial import Config, Trial

names = st.text(min_size=1, max_size=20)
numbers = st.floats(allow_nan=False)
values = st.none() | st.booleans() | st.integers() | numbers | st.text(max_size=20)
settings = st.dictionaries(names, values, max_size=3)
trials = st.builds(Config, names, names, settings, names, names, settings, st.integers(0, 2**32 - 1))
trials = st.builds(Trial, trials, st.dictionaries(names, settings, max_size=2), names, settings, names)
run_refs = st.builds(RunRef, names, names, st.booleans(), st.dictionaries(names, names, max_size=2))
orders = st.builds(
    LaunchConfig,
    store=names,
    uri=names,
    study=names,
    packs=st.lists(st.lists(trials, min_size=1, max_size=2).map(tuple), max_size=3).map(tuple),
    run_refs=st.dictionaries(names, run_refs, max_size=2),
    values=st.dictionaries(names, st.none() | numbers, max_size=3),
    checkpoint_every=numbers,
)


@given(orders)
def test_orders_arrive_as_they_were_given(given_orders: LaunchConfig) -> None:
    heard = LaunchConfig.from_json(given_orders.to_json())
    assert heard == given_orders
    assert [[trial.key for trial in pack] for pack in heard.packs] == [
        [trial.key for trial in pack] for pack in given_orders.packs
    ]


@given(st.builds(Message, names, st.dictionaries(names, values | st.lists(values, max_size=3), max_size=3)))
def test_a_message_is_one_line_whatever_it_says(message: Message) -> None:
    line = message.to_line()
    assert line.splitlines(keepends=True) == [line]
    assert Message.from_line(line) == message


def test_a_metric_that_is_no_number_arrives() -> None:
    heard = Message.from_line(Message("outcome", {"metrics": {"a": math.nan, "b": -math.inf}}).to_line())
    assert math.isnan(heard.description["metrics"]["a"])
    assert heard.description["metrics"]["b"] == -math.inf


@pytest.mark.parametrize(("code", "kind"), [(1, ServiceError), (2, StudyError), (3, DataError)])
def test_a_refusal_arrives_as_the_error_that_it_was(code: int, kind: type[Exception]) -> None:
    message = Message("refused", {"problem": "no data", "remedy": "fetch them", "place": "mnist", "exit": code})
    error = refusal(Message.from_line(message.to_line()))
    assert type(error) is kind
    assert str(error) == "mnist: no data; fetch them"


def test_orders_survive_the_file_that_carries_them(tmp_path: Path, make_trial: Callable[..., Trial]) -> None:
    packs = ((make_trial(0), make_trial(1)), (make_trial(2),))
    given_orders = LaunchConfig(
        "store", "http://127.0.0.1:5000", "study.yaml", packs, {"k": RunRef(probes={"a": "b"})}, {}
    )
    (tmp_path / "orders.json").write_text(given_orders.to_json())
    assert LaunchConfig.from_json((tmp_path / "orders.json").read_text()) == given_orders
