"""`labels:` of a study: the words and units of axes, levels and metrics."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.planning.resolve import resolve
from ablate.planning.valid_study import validate
from ablate.study.model import Study
from ablate.study.read import read_study
from ablate.study.words import Words, level_text
from ablate.study.write import to_yaml

STUDY = """\
method: invariant
dataset: digits
axes: {method.epsilon: [0.4, 0.8], method.transformation: [vat, rp]}
design: one-at-a-time
seeds: 2
probes: [linear]
metric: linear/accuracy
"""
LABELS = """\
labels:
  method.epsilon: {label: ε, unit: pixels}
  method.transformation: {levels: {vat: adversarial}}
  linear/accuracy: {label: accuracy of a linear probe, unit: "%"}
  knn/accuracy: accuracy of neighbours
"""
ReadText = Callable[..., Study]


@pytest.fixture
def read_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadText:
    """A function that reads a study.yaml with this text, with overrides as `--set` takes them."""
    monkeypatch.chdir(tmp_path)

    def read(text: str, *overrides: str) -> Study:
        Path("study.yaml").write_text(text, encoding="utf-8")
        return read_study("study.yaml", overrides=overrides)

    return read


def test_levels_are_written_without_trailing_zeros_and_booleans_as_on_and_off() -> None:
    assert [level_text(level) for level in (None, True, False, 5.0, 1e-05, 100, "rp+vat")] == [
        *("none", "on", "off", "5", "1e-05", "100", "rp+vat")
    ]


def test_axes_levels_and_metrics_have_the_words_and_units_of_the_study(read_text: ReadText) -> None:
    words = read_text(STUDY + LABELS).words
    assert (words.axis("method.epsilon"), words.axis_title("method.epsilon")) == ("ε", "ε (pixels)")
    assert words.assignment("method.epsilon", 0.4) == "ε=0.4 pixels"
    assert words.assignment("method.transformation", "vat") == "transformation=adversarial"
    assert words.assignment("method.transformation", "rp") == "transformation=rp"
    accuracy = words.quantity("linear/accuracy")
    assert (accuracy.name, accuracy.title_with_unit) == ("accuracy of a linear probe", "accuracy of a linear probe (%)")
    assert (accuracy.head, accuracy.factor) == ("accuracy of a linear probe (%)", 100)
    assert words.quantity("knn/accuracy").unit == "%"  # the unit of an accuracy without another one


def test_without_a_label_accuracies_and_error_rates_with_their_spreads_are_in_per_cent() -> None:
    accuracy = Words().quantity("linear/accuracy")
    assert (accuracy.title_with_unit, accuracy.per_cent) == ("linear accuracy (%)", True)
    assert (accuracy.head, accuracy.factor) == ("linear/accuracy (%)", 100)
    assert [accuracy.difference(text) for text in ("1", "10")] == ["1 percentage point", "10 percentage points"]
    for name in ("knn-500/error_rate", "knn/error_rate_std", "confident/accuracy_10", "attributes/highest_accuracy"):
        assert Words().quantity(name).unit == "%"
    assert Words().value("knn/accuracy", 0.6546) == "knn/accuracy 65.46 %"
    assert Words().value("train/loss", 0.6546) == "train/loss 0.6546"
    assert Words().quantity("regression/rss").title_with_unit == "regression rss"


def test_an_empty_unit_leaves_accuracies_fractions(read_text: ReadText) -> None:
    words = read_text(STUDY + "labels: {linear/accuracy: {unit: ''}}").words
    assert not words.quantity("linear/accuracy").per_cent


def test_labels_leave_the_keys_of_trials(read_text: ReadText) -> None:
    plain, labelled = (resolve(read_text(text)) for text in (STUDY, STUDY + LABELS))
    assert [trial.key for trial in plain] == [trial.key for trial in labelled]


def test_a_written_study_has_its_labels(read_text: ReadText) -> None:
    study = read_text(STUDY + LABELS)
    assert read_text(to_yaml(study)) == study


def test_a_label_can_be_set_on_the_command_line(read_text: ReadText) -> None:
    words = read_text(STUDY + LABELS, "labels.method.epsilon=radius").words
    assert words.assignment("method.epsilon", 0.4) == "radius=0.4"


def test_check_shows_the_sentence_of_a_difference(read_text: ReadText) -> None:
    expected = (
        "Compared with the baseline (ε=0.4 pixels, transformation=adversarial), accuracy of a linear probe is higher "
        "for (ε=0.8 pixels, transformation=adversarial) (by …)."
    )
    assert validate(read_text(STUDY + LABELS)).sentence == expected
    assert validate(read_text(STUDY.replace("[0.4, 0.8]", "[0.4]").replace("[vat, rp]", "[vat]"))).sentence == ""


MISTAKES = {  # labels → line:column: problem; remedy
    "method.epsilom: ε": "9:3: no setting is called 'method.epsilom'; did you mean 'method.epsilon'?",
    "epsilon: ε": "9:3: no setting is called 'epsilon'; did you mean 'method.epsilon'?",
    "linear/acuracy: a": "9:3: no chosen probe computes 'linear/acuracy'; did you mean 'linear/accuracy'?",
    "method.transformation: {levels: {vot: a}}": (
        "9:36: 'method.transformation' must be 'np', 'rp', 'rp+vat' or 'vat', not 'vot'; did you mean 'vat'?"
    ),
    "method: {levels: {invarient: a}}": "9:21: no method is called 'invarient'; did you mean 'invariant'?",
}


@pytest.mark.parametrize("label", MISTAKES)
def test_an_unknown_path_or_level_is_refused_at_its_line(read_text: ReadText, label: str) -> None:
    with pytest.raises(StudyError) as raised:
        resolve(read_text(f"{STUDY}labels:\n  {label}\n"))
    assert str(raised.value) == f"study.yaml:{MISTAKES[label]}"


MALFORMED: Mapping[str, str] = {
    "method.epsilon: 5": (
        "9:19: a label is text or a mapping, not 5; as in 'method.epsilon: ε' or '{label: ε, unit: px}'"
    ),
    "method.epsilon: ''": "9:19: 'label' must be text that is not empty, not ''; as in 'label: accuracy'",
    "method.epsilon: {name: ε}": "9:20: unknown key 'name'; choose from label, levels, unit",
}


@pytest.mark.parametrize("label", MALFORMED)
def test_a_malformed_label_is_refused_at_its_line(read_text: ReadText, label: str) -> None:
    with pytest.raises(StudyError) as raised:
        read_text(f"{STUDY}labels:\n  {label}\n")
    assert str(raised.value) == f"study.yaml:{MALFORMED[label]}"
