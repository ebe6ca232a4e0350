"""The exact error message of every mistake in a study's keys and values."""

from collections.abc import Callable

import pytest

STUDY = """\
method: invariant
dataset: digits
axes:
  method.epsilon: [1, 2]
seeds: 2
probes: [linear]
metric: linear/accuracy
question: Why?
"""

MISTAKES = [  # name, text of the study above, the text that replaces it, line:column: problem; remedy
    ("a mistyped key", "seeds: 2", "sedes: 2", "5:1: unknown key 'sedes'; did you mean 'seeds'?"),
    (
        "a mistyped key before a missing one",
        "method: invariant",
        "metod: invariant",
        "1:1: unknown key 'metod'; did you mean 'method'?",
    ),
    ("a missing key", "seeds: 2", "", "1:1: 'seeds' is missing; add it, as in 'seeds: 5'"),
    (
        "a missing method",
        "method: invariant",
        "design: grid",
        "1:1: 'method' is missing; add it, as in 'method: invariant'",
    ),
    (
        "a key written twice",
        "seeds: 2",
        "seeds: 2\nseeds: 3",
        "6:1: key 'seeds' is written twice; remove one; the first is at study.yaml:5:1",
    ),
    (
        "text for seeds",
        "seeds: 2",
        "seeds: many",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not 'many'; as in 'seeds: 5'",
    ),
    (
        "a quoted number for seeds",
        "seeds: 2",
        "seeds: '2'",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not '2'; as in 'seeds: 5'",
    ),
    (
        "a fraction for seeds",
        "seeds: 2",
        "seeds: 2.5",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not 2.5; as in 'seeds: 5'",
    ),
    (
        "no seeds",
        "seeds: 2",
        "seeds: 0",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not 0; as in 'seeds: 5'",
    ),
    (
        "a rule of seeds without an end",
        "seeds: 2",
        "seeds: {at_least: 3}",
        "5:8: 'at_most' is missing; add it, as in 'seeds: {at_least: 3, at_most: 20, until: decided}'",
    ),
    (
        "a misspelt key in a rule of seeds",
        "seeds: 2",
        "seeds: {at_laest: 3, at_most: 20}",
        "5:9: unknown key 'at_laest'; did you mean 'at_least'?",
    ),
    (
        "a rule of seeds that begins with two",
        "seeds: 2",
        "seeds: {at_least: 2, at_most: 20}",
        "5:19: 'at_least' must be at least 3, not 2; as in 'seeds: {at_least: 3, at_most: 20, until: decided}'",
    ),
    (
        "a rule of seeds until something else",
        "seeds: 2",
        "seeds: {at_least: 3, at_most: 20, until: bored}",
        "5:42: 'until' must be 'decided', not 'bored'; as in 'until: decided'",
    ),
    (
        "a rule of seeds that ends before it begins",
        "seeds: 2",
        "seeds: {at_least: 9, at_most: 8}",
        "5:31: at_most 8 is below at_least 9; swap or raise it",
    ),
    (
        "a negative count of seeds",
        "seeds: 2",
        "seeds: -3",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not -3; as in 'seeds: 5'",
    ),
    (
        "null for seeds",
        "seeds: 2",
        "seeds:",
        "5:7: 'seeds' must be a count from 1 to 10,000 or a list, not null; as in 'seeds: 5'",
    ),
    (
        "true for seeds",
        "seeds: 2",
        "seeds: true",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not true; as in 'seeds: 5'",
    ),
    (
        "too many seeds",
        "seeds: 2",
        "seeds: 10001",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not 10001; as in 'seeds: 5'",
    ),
    ("an empty list of seeds", "seeds: 2", "seeds: []", "5:8: 'seeds' is empty; as in 'seeds: 5'"),
    ("a seed twice", "seeds: 2", "seeds: [0, 1, 0]", "5:15: seed 0 is written twice; remove one"),
    (
        "a negative seed",
        "seeds: 2",
        "seeds: [0, -1]",
        "5:12: an entry of 'seeds' must be at least 0, not -1; as in 'seeds: 5'",
    ),
    (
        "text for a seed",
        "seeds: 2",
        "seeds: [0, one]",
        "5:12: an entry of 'seeds' must be a whole number, not 'one'; as in 'seeds: 5'",
    ),
    (
        "a seed of more than 32 bits",
        "seeds: 2",
        "seeds: [4294967296]",
        "5:9: an entry of 'seeds' must be below 4294967296, not 4294967296; as in 'seeds: 5'",
    ),
    ("a level twice", "[1, 2]", "[1, 2, 1]", "4:26: level 1 is written twice; remove one"),
    ("a level twice, once as a float", "[1, 2]", "[1, 1.0]", "4:23: level 1.0 is written twice; remove one"),
    ("an axis without levels", "[1, 2]", "[]", "4:19: 'method.epsilon' is empty; name one value or more"),
    (
        "a number for an axis",
        "[1, 2]",
        "5",
        "4:19: 'method.epsilon' must be a list, not 5; write [ ] around the levels",
    ),
    (
        "a list as a level",
        "[1, 2]",
        "[1, [2]]",
        "4:23: a setting takes one value, not [2]; write a number, true, false or text",
    ),
    (
        "a mapping as a level",
        "[1, 2]",
        "[1, {high: 2}]",
        "4:23: a setting takes one value, not a mapping; write a number, true, false or text",
    ),
    (
        "axes as a list",
        "axes:\n  method.epsilon: [1, 2]",
        "axes: [method.epsilon]",
        "3:7: 'axes' must be a mapping, not ['method.epsilon']; as in 'axes: {method.epsilon: [1, 2]}'",
    ),
    (
        "a method that is a number",
        "method: invariant",
        "method: 5",
        "1:9: 'method' must be text, not 5; as in 'method: invariant'",
    ),
    (
        "a list of methods",
        "method: invariant",
        "method: [invariant, pca]",
        "1:9: 'method' must be text, not ['invariant', 'pca']; as in 'method: invariant'",
    ),
    ("text for probes", "[linear]", "linear", "6:9: 'probes' must be a list, not 'linear'; as in 'probes: [linear]'"),
    ("no probes", "[linear]", "[]", "6:9: 'probes' is empty; as in 'probes: [linear]'"),
    ("a probe twice", "[linear]", "[linear, linear]", "6:18: probe 'linear' is written twice; remove one"),
    (
        "a probe that is a number",
        "[linear]",
        "[linear, 3]",
        "6:18: an entry of 'probes' must be text, not 3; as in 'probes: [linear]'",
    ),
    (
        "a baseline that is no level",
        "question: Why?",
        "baseline: {method.epsilon: 3}",
        "8:28: 3 is no level of 'method.epsilon'; choose from 1, 2",
    ),
    (
        "a baseline of another type",
        "question: Why?",
        "baseline: {method.epsilon: true}",
        "8:28: true is no level of 'method.epsilon'; choose from 1, 2",
    ),
    (
        "a number for a paper's ablation",
        "method: invariant",
        "paper: {id: invariant-features, ablation: 5}\nmethod: invariant",
        "1:43: 'ablation' must be text, not 5; as in 'ablation: epsilon'",
    ),
    (
        "an empty note on a paper",
        "method: invariant",
        "paper: {id: invariant-features, note: ''}\nmethod: invariant",
        "1:39: 'note' must be text that is not empty, not ''; as in 'note: The paper trains 100 times as long.'",
    ),
    (
        "a character that reorders a line",
        "question: Why?",
        'question: "Why \u202e?"',
        "8:11: the text holds the control character \\u202e; remove it",
    ),
    (
        "an exponent for a count of seeds",
        "seeds: 2",
        "seeds: 1e1",
        "5:8: 'seeds' must be a count from 1 to 10,000 or a list, not 10.0; write 10",
    ),
    (
        "a baseline that is no mapping",
        "question: Why?",
        "baseline: 3",
        "8:11: 'baseline' must be a mapping, not 3; as in 'baseline: {method.epsilon: 1}'",
    ),
    (
        "an axis that is also fixed",
        "question: Why?",
        "fixed: {method.epsilon: 3}",
        "8:9: 'method.epsilon' is an axis, so it cannot be fixed; remove it here, or from the axes",
    ),
    (
        "a method among the settings",
        "question: Why?",
        "fixed: {method: invariant}",
        "8:9: 'method' is no setting; write 'method: invariant' beside 'fixed'",
    ),
    (
        "a data set that is an axis and fixed",
        "question: Why?",
        "cases: [{axes: {dataset: [digits, mnist]}}]",
        "2:1: 'dataset' is an axis, so it cannot be fixed; remove it here, or from the axes",
    ),
    (
        "fixed as a list",
        "question: Why?",
        "fixed: [method.k]",
        "8:8: 'fixed' must be a mapping, not ['method.k']; as in 'fixed: {training.epochs: 100}'",
    ),
    (
        "a list as a setting",
        "question: Why?",
        "fixed: {method.k: [1]}",
        "8:19: a setting takes one value, not [1]; write a number, true, false or text",
    ),
    (
        "a mistyped design",
        "question: Why?",
        "design: gird",
        "8:9: 'design' must be 'grid', 'one-at-a-time' or 'search', not 'gird'; as in 'design: grid'",
    ),
    (
        "a search without ranges",
        "question: Why?",
        "design: search",
        "8:9: design 'search' has no ranges; add 'search:' with trials, objectives and space",
    ),
    (
        "a slash in a name",
        "question: Why?",
        "name: a/b",
        "8:7: 'name' must be a name of letters, digits, '-', '_' and single dots, not 'a/b'; as in 'name: epsilon'",
    ),
    (
        "a parent folder in a name",
        "question: Why?",
        "name: ../b",
        "8:7: 'name' must be a name of letters, digits, '-', '_' and single dots, not '../b'; as in 'name: epsilon'",
    ),
    (
        "two dots in a name",
        "question: Why?",
        "name: a..b",
        "8:7: 'name' must be a name of letters, digits, '-', '_' and single dots, not 'a..b'; as in 'name: epsilon'",
    ),
    (
        "a name that begins with a dot",
        "question: Why?",
        "name: .hidden",
        "8:7: 'name' must be a name of letters, digits, '-', '_' and single dots, not '.hidden'; as in 'name: epsilon'",
    ),
    (
        "a name that begins with a hyphen",
        "question: Why?",
        "name: -rf",
        "8:7: 'name' must be a name of letters, digits, '-', '_' and single dots, not '-rf'; as in 'name: epsilon'",
    ),
    (
        "a control character in a name",
        "question: Why?",
        'name: "a\\0b"',
        "8:7: the text holds the control character \\x00; remove it",
    ),
    (
        "a newline in a name",
        "question: Why?",
        'name: "a\\n"',
        "8:7: 'name' must be a name of letters, digits, '-', '_' and single dots, not 'a\\n'; as in 'name: epsilon'",
    ),
    (
        "a name that is too long",
        "question: Why?",
        "name: " + "a" * 81,
        "8:7: 'name' must be of at most 80 characters, not "
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'; as in 'name: epsilon'",
    ),
    ("a number for a name", "question: Why?", "name: 3", "8:7: 'name' must be text, not 3; as in 'name: epsilon'"),
    (
        "a question that is too long",
        "question: Why?",
        "question: " + "why " * 126,
        "8:11: 'question' must be of at most 500 characters, not 'why why why why why why why why why why "
        "why why why why why…'; as in 'question: Does the radius matter?'",
    ),
    (
        "a negative share of a GPU",
        "question: Why?",
        "resources: {gpu: -1}",
        "8:18: 'gpu' must be auto or a number from 0, not -1; as in 'gpu: auto'",
    ),
    ("no CPU", "question: Why?", "resources: {cpu: 0}", "8:18: 'cpu' must be above 0, not 0; as in 'cpu: 2'"),
    ("a mistyped resource", "question: Why?", "resources: {gpus: 1}", "8:13: unknown key 'gpus'; did you mean 'gpu'?"),
    (
        "text for CPUs",
        "question: Why?",
        "resources: {cpu: two}",
        "8:18: 'cpu' must be a number, not 'two'; as in 'cpu: 2'",
    ),
    (
        "a pack of no trials",
        "question: Why?",
        "resources: {pack: 0}",
        "8:19: 'pack' must be auto or a whole number from 1, not 0; as in 'pack: auto'",
    ),
    (
        "an unknown pack",
        "question: Why?",
        "resources: {pack: all}",
        "8:19: 'pack' must be auto or a whole number from 1, not 'all'; as in 'pack: auto'",
    ),
    (
        "resources as a number",
        "question: Why?",
        "resources: 4",
        "8:12: 'resources' must be a mapping, not 4; as in 'resources: {gpu: 1, cpu: 2, pack: auto}'",
    ),
    (
        "a figure and a table",
        "question: Why?",
        "paper: {id: invariant-features, figure: 6, table: 5}",
        "8:51: a figure and a table are both given; keep the one that the study reproduces",
    ),
    (
        "a paper without a name",
        "question: Why?",
        "paper: {figure: 6}",
        "8:8: 'id' is missing; add it, as in 'id: invariant-features'",
    ),
    (
        "text for a paper",
        "question: Why?",
        "paper: invariant-features",
        "8:8: 'paper' must be a mapping, not 'invariant-features'; as in 'paper: {id: invariant-features, figure: 6}'",
    ),
    (
        "no cases",
        "question: Why?",
        "cases: []",
        "8:8: 'cases' is empty; as in 'cases: [{dataset: digits}, {dataset: fsdd}]'",
    ),
    (
        "a mapping for cases",
        "question: Why?",
        "cases: {dataset: digits}",
        "8:8: 'cases' must be a list, not a mapping; as in 'cases: [{dataset: digits}, {dataset: fsdd}]'",
    ),
    (
        "text for a case",
        "question: Why?",
        "cases: [digits]",
        "8:9: an entry of 'cases' must be a mapping, not 'digits'; as in 'cases: [{dataset: digits}, {dataset: fsdd}]'",
    ),
    (
        "a key that a case cannot have",
        "question: Why?",
        "cases: [{seeds: 3}]",
        "8:10: unknown key 'seeds'; choose from axes, baseline, dataset, defaults, design, fixed, method, name",
    ),
    (
        "a mistyped key in a case",
        "question: Why?",
        "cases: [{datset: digits}]",
        "8:10: unknown key 'datset'; did you mean 'dataset'?",
    ),
    (
        "two cases with the same name",
        "question: Why?",
        "cases: [{name: a}, {name: a}]",
        "8:16: two cases are called 'a'; rename one",
    ),
    (
        "profiles as a list",
        "question: Why?",
        "profiles: [quick]",
        "8:11: 'profiles' must be a mapping; as in 'profiles: {quick: {seeds: 2}}'",
    ),
    (
        "a profile as a number",
        "question: Why?",
        "profiles: {quick: 3}",
        "8:19: profile 'quick' must be a mapping; as in 'quick: {seeds: 2}'",
    ),
    (
        "a profile beside profiles",
        "question: Why?",
        "profiles: {quick: {}}\nprofile: quick",
        "9:1: 'profile' and 'profiles' are both given; choose one with --profile; ablate itself writes 'profile' "
        "where one was applied",
    ),
]


@pytest.mark.parametrize(
    ("original", "replacement", "message"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_in_a_study_is_refused_at_its_place(
    error_message: Callable[[str], str], original: str, replacement: str, message: str
) -> None:
    assert error_message(STUDY.replace(original, replacement)) == f"study.yaml:{message}"
