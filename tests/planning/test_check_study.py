"""A wrong name or value of a study is refused at the line where it is written."""

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.planning.resolve import resolve
from ablate.study.read import read_study

STUDY = """\
method: invariant
dataset: digits
axes: {method.epsilon: [1, 2]}
baseline: {method.epsilon: 1}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""

MISTAKES = [  # the text that is replaced, its replacement, overrides, the message
    ("axes: {method.epsilon", "axes: {method.epsilom", (), "3:8: no setting is called 'method.epsilom'; did you mean"),
    ("axes: {method.epsilon", "axes: {method.tau", (), "3:8: no setting is called 'method.tau'; choose from method."),
    ("method: invariant", "method: SimCLR", (), "1:9: no method is called 'SimCLR'; did you mean 'simclr'?"),
    ("dataset: digits", "dataset: CIFAR-10", (), "2:10: no data set is called 'CIFAR-10'; did you mean 'cifar10'?"),
    ("baseline: {method.epsilon", "baseline: {method.k", (), "4:12: the baseline names 'method.k', which is no axis"),
    ("seeds: 2", "fixed: {training.epochs: 1e2}\nseeds: 2", (), "5:26: 'training.epochs' must be a whole number, "),
]
OVERRIDES = [
    ("epochs=3", "--set epochs: no setting is called 'epochs'; did you mean 'training.epochs'?"),
    ("epsilon=3", "--set epsilon: no setting is called 'epsilon'; did you mean 'method.epsilon'?"),
    ("sedes=3", "--set sedes: unknown key 'sedes'; did you mean 'seeds'?"),
]


def message_of(file: Path, text: str, *overrides: str) -> str:
    file.write_text(text)
    with pytest.raises(StudyError) as raised:
        resolve(read_study(file, overrides=overrides))
    return str(raised.value)


@pytest.mark.parametrize(("original", "replacement", "overrides", "message"), MISTAKES)
def test_the_line_that_is_wrong_is_named(
    tmp_path: Path, original: str, replacement: str, overrides: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "study.yaml"
    assert message_of(file, STUDY.replace(original, replacement), *overrides).startswith(f"{file}:{message}")


def test_a_whole_number_with_an_exponent_is_refused_with_the_number(tmp_path: Path) -> None:
    text = STUDY.replace("seeds: 2", "fixed: {training.epochs: 1e2}\nseeds: 2")
    assert message_of(tmp_path / "study.yaml", text).endswith("not 100.0; write 100")


@pytest.mark.parametrize(("override", "message"), OVERRIDES)
def test_an_override_by_the_last_word_of_a_setting_suggests_the_setting(
    tmp_path: Path, override: str, message: str
) -> None:
    assert message_of(tmp_path / "study.yaml", STUDY, override) == message


@pytest.mark.parametrize(
    ("override", "default"),
    [("method.temperature=-1", "0.7"), ("training.epochs=abc", "100")],
)
def test_the_default_in_a_message_is_that_of_the_method_on_the_data_set(
    tmp_path: Path, override: str, default: str
) -> None:
    study = "method: simclr\ndataset: digits\nseeds: 1\nprobes: [linear]\nmetric: linear/accuracy\n"
    assert message_of(tmp_path / "study.yaml", study, override).endswith(f"; its default is {default}")
