"""The exact error message of every mistake in a study's search."""

from collections.abc import Callable

import pytest

STUDY = """\
method: invariant
dataset: digits
design: search
search:
  sampler: tpe
  pruner: none
  trials: 8
  objectives: {linear/accuracy: maximize}
  space: {method.k: {low: 10, high: 100}}
seeds: 2
probes: [linear]
metric: linear/accuracy
"""

MISTAKES = [  # name, text of the study above, the text that replaces it, line:column: problem; remedy
    (
        "a mistyped sampler",
        "sampler: tpe",
        "sampler: tep",
        "5:12: 'sampler' must be 'auto', 'tpe', 'gp', 'cmaes', 'nsga2', 'nsga3', 'qmc', 'random' or 'grid', not 'tep';"
        " as in 'sampler: tpe'",
    ),
    (
        "a mistyped pruner",
        "pruner: none",
        "pruner: ahsa",
        "6:11: 'kind' must be 'asha', 'hyperband' or 'median', not 'ahsa'; as in 'kind: asha'",
    ),
    (
        "a mistyped key of a pruner",
        "pruner: none",
        "pruner: {kind: asha, min_epoch: 2}",
        "6:24: unknown key 'min_epoch'; did you mean 'min_epochs'?",
    ),
    (
        "a pruner beside a search",
        "seeds: 2",
        "pruner: asha\nseeds: 2",
        "10:1: the pruner of a search is written beside the search; move it below 'search'",
    ),
    (
        "a constraint without a number",
        "trials: 8",
        "trials: 8\n  constraints: [size/million_parameters is small]",
        "8:17: 'size/million_parameters is small' is no constraint; write a metric, <= or >=, and a number,"
        " as in 'size/million_parameters <= 2'",
    ),
    ("no proposals", "trials: 8", "trials: 0", "7:11: 'trials' must be at least 1, not 0; as in 'trials: 64'"),
    ("a mistyped key of a search", "trials: 8", "trails: 8", "7:3: unknown key 'trails'; did you mean 'trials'?"),
    (
        "an abbreviated direction",
        "maximize",
        "max",
        "8:33: 'linear/accuracy' must be 'maximize' or 'minimize', not 'max'; write one of these",
    ),
    (
        "a pruner of two objectives",
        "pruner: none\n  trials: 8\n  objectives: {linear/accuracy: maximize}",
        "pruner: asha\n  trials: 8\n  objectives: {linear/accuracy: maximize, train/loss: minimize}",
        "6:11: a search of 2 objectives has no order to stop settings by; leave 'pruner' out, or name one objective",
    ),
    (
        "no objective",
        "{linear/accuracy: maximize}",
        "{}",
        "8:15: 'objectives' is empty; as in 'objectives: {linear/accuracy: maximize}'",
    ),
    (
        "an empty space",
        "{method.k: {low: 10, high: 100}}",
        "{}",
        "9:10: 'space' is empty; as in 'space: {method.epsilon: {low: 1, high: 5}}'",
    ),
    ("an empty range", "low: 10", "low: 100", "9:38: low 100 is not below high 100; swap or widen them"),
    ("a range without a high end", ", high: 100", "", "9:21: 'high' is missing; add it, as in 'high: 5'"),
    ("a mistyped key of a range", "high: 100", "hihg: 100", "9:31: unknown key 'hihg'; did you mean 'high'?"),
    (
        "text for an end",
        "high: 100",
        "high: many",
        "9:37: the ends and steps of a range must be numbers, not 'many'; as in 'low: 1'",
    ),
    (
        "a list for a range",
        "{low: 10, high: 100}",
        "[10, 100]",
        "9:21: 'method.k' must be a mapping, not [10, 100]; as in '{low: 1, high: 5}' or '{choices: [1, 5]}'",
    ),
    (
        "a logarithmic range from zero",
        "low: 10",
        "log: true, low: 0",
        "9:38: a logarithmic range cannot begin at 0; write a 'low' above 0",
    ),
    (
        "a step beyond the range",
        "low: 10",
        "step: 91, low: 10",
        "9:28: step 91 does not fit the range; write one above 0 and within it",
    ),
    (
        "steps of a logarithmic range",
        "low: 10",
        "log: true, step: 3, low: 10",
        "9:39: a logarithmic range has no steps; leave out 'step' or 'log'",
    ),
    ("a choice twice", "{low: 10, high: 100}", "{choices: [10, 10]}", "9:36: choice 10 is written twice; remove one"),
    ("no choices", "{low: 10, high: 100}", "{choices: []}", "9:31: 'choices' is empty; as in 'choices: [vat, rp]'"),
    (
        "choices and an end",
        "{low: 10, high: 100}",
        "{choices: [10], low: 3}",
        "9:22: unknown key 'low'; choose from choices, when",
    ),
    (
        "a condition on what is not searched",
        "low: 10",
        "when: {method.network: mlp}, low: 10",
        "9:29: 'method.network' is neither searched above nor fixed; name a path with choices that is written above"
        " this one",
    ),
    (
        "a condition on a value that is no choice",
        "{method.k: {low: 10, high: 100}}",
        "{method.transformation: {choices: [vat, rp]}, method.k: {low: 1, high: 9, when: {method.transformation: np}}}",
        "9:114: 'np' is no choice of 'method.transformation'; choose from 'vat', 'rp'",
    ),
    (
        "a condition on a range",
        "{method.k: {low: 10, high: 100}}",
        "{method.k: {low: 10, high: 100}, method.epsilon: {low: 1, high: 2, when: {method.k: 10}}}",
        "9:84: 'method.k' has a range, and a condition names one of some choices; write 'method.k' as {choices: [...]}",
    ),
    (
        "a step that does not end at the high end",
        "high: 100}",
        "high: 100, step: 40}",
        "9:37: steps of 40 from 10 do not end at 100; write a 'high' of 90 or 130",
    ),
    (
        "a setting to begin with that is not searched",
        "trials: 8",
        "trials: 8\n  enqueue: [{method.kk: 10}]",
        "8:14: 'method.kk' is not searched; did you mean 'method.k'?",
    ),
    (
        "a setting to begin with that the space does not hold",
        "trials: 8",
        "trials: 8\n  enqueue: [{method.k: 101}]",
        "8:24: 101 is not in the space of 'method.k'; write a value that is",
    ),
    (
        "a confirmation without seeds",
        "trials: 8",
        "trials: 8\n  confirm: 0",
        "8:12: 'confirm' must be at least 1, not 0; as in 'confirm: 5'",
    ),
    (
        "a searched setting that is fixed",
        "seeds: 2",
        "seeds: 2\nfixed: {method.k: 5}",
        "11:9: 'method.k' is both searched and fixed; remove one of the two",
    ),
    (
        "a search with axes",
        "seeds: 2",
        "seeds: 2\naxes: {method.epsilon: [1, 2]}",
        "11:1: a search has ranges and no axes; move them to 'search.space', as {choices: [...]}",
    ),
    (
        "a search with two cases",
        "seeds: 2",
        "seeds: 2\ncases: [{name: a}, {name: b}]",
        "11:20: a search has one case, and this is another; write one study for each case",
    ),
    (
        "a search with design grid",
        "design: search",
        "design: grid",
        "4:1: 'search' is given with another design; write 'design: search'",
    ),
]


@pytest.mark.parametrize(
    ("original", "replacement", "message"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_in_a_search_is_refused_at_its_place(
    error_message: Callable[[str], str], original: str, replacement: str, message: str
) -> None:
    assert error_message(STUDY.replace(original, replacement)) == f"study.yaml:{message}"
