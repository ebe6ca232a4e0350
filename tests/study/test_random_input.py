"""Random study files, bytes and overrides give a study or a StudyError with place and remedy, no other exception."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.planning.resolve import resolve
from ablate.study.read import read_study

STUDY = """\
name: radius
paper: {id: invariant-features, figure: 6}
method: invariant
dataset: digits
fixed: {method.k: 100, training.epochs: 50}
axes:
  method.epsilon: [1, 2.5]
baseline: {method.epsilon: 1}
seeds: [0, 1]
probes: [linear, clustering]
metric: linear/accuracy
resources: {gpu: 0.5, cpu: 2, pack: 8}
cases: [{name: a}, {name: b, dataset: fsdd}]
profiles: {quick: {dataset: digits, training.epochs: 20, seeds: [7], resources.gpu: 0}}
"""
SEARCH = """\
method: invariant
dataset: digits
design: search
search:
  trials: 8
  sampler: tpe
  objectives: {linear/accuracy: maximize}
  space:
    method.epsilon: {low: 1, high: 4, step: 1}
    method.transformation: {choices: [rp, vat]}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
WORDS = re.compile(r"[A-Za-z0-9./_-]+|\s+|[^A-Za-z0-9]")
TRICKY_VALUES = [
    "x",
    "0",
    "-1",
    "1e5",
    ".nan",
    "no",
    "null",
    "[]",
    "{}",
    "[1]",
    "{a: 1}",
    "''",
    '"\\0"',
    "...",
    "---",
    "<<",
    "\t",
]
PIECES = st.sampled_from([*TRICKY_VALUES, *"~&*!|>%@`,:?-#=é \n"]) | st.text(max_size=3)


@st.composite
def with_mistakes(draw: st.DrawFn, text: str) -> str:
    """The text with one to three of its words replaced or doubled."""
    words = WORDS.findall(text)
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(words) - 1))
        words[position] = draw(PIECES | st.just(words[position] * 2) | st.sampled_from(words))
    return "".join(words)


def check_outcome(file: Path, profile: str | None = None, *overrides: str) -> None:
    """Read and resolve the file; assert that an error is a StudyError with place, problem and remedy."""
    error = study_error(file, profile, overrides)
    assert error is None or (error.place and error.problem and error.remedy)


def study_error(file: Path, profile: str | None, overrides: tuple[str, ...]) -> StudyError | None:
    """The StudyError that reading and resolving raises, None without one; other exceptions are not caught."""
    try:
        resolve(read_study(file, profile, overrides))
    except StudyError as error:
        return error
    return None


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies") / "study.yaml"


@settings(max_examples=150, deadline=None)
@given(text=with_mistakes(STUDY) | with_mistakes(SEARCH), profile=st.none() | st.just("quick"))
def test_a_study_file_with_random_mistakes_gives_a_study_or_a_study_error(
    file: Path, text: str, profile: str | None
) -> None:
    file.write_text(text, encoding="utf-8", errors="replace", newline="")
    check_outcome(file, profile)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200))
def test_random_bytes_give_a_study_or_a_study_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    check_outcome(file)


SECTIONS = [
    "seeds",
    "method",
    "axes",
    "search",
    "search.space",
    "resources",
    "paper",
    "cases",
    "fixed",
    "probes",
    "name",
]
SETTINGS = [
    "method.k",
    "axes.method.epsilon",
    "search.space.method.k",
    "resources.gpu",
    "paper.id",
    "probes.linear.epochs",
]
PATHS = st.sampled_from([*SECTIONS, *SETTINGS, "fixed.method.k", "baseline.method.epsilon"])


@settings(max_examples=150, deadline=None)
@given(text=st.sampled_from([STUDY, SEARCH]), overrides=st.lists(st.tuples(PATHS | PIECES, PIECES), max_size=3))
def test_random_overrides_give_a_study_or_a_study_error(
    file: Path, text: str, overrides: list[tuple[str, str]]
) -> None:
    file.write_text(text, encoding="utf-8")
    check_outcome(file, None, *(f"{path}={value}" for path, value in overrides))
