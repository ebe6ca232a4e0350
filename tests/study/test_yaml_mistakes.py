"""The exact error message of values that YAML 1.1 reads otherwise than people do, and of invalid YAML."""

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
    ("leading zero", "[1, 2]", "[08, 2]", "4:20: '08' is read as text; write 8, or \"08\" for the text"),
    ("octal of YAML 1.2", "[1, 2]", "[0o17, 2]", "4:20: '0o17' is read as text; write 15, or \"0o17\" for the text"),
    (
        "octal of YAML 1.1",
        "[1, 2]",
        "[017, 2]",
        "4:20: '017' is read as 15; write that number, or \"017\" for the text",
    ),
    ("hexadecimal", "[1, 2]", "[0x1F, 2]", "4:20: '0x1F' is read as 31; write that number, or \"0x1F\" for the text"),
    (
        "separated digits",
        "[1, 2]",
        "[1_000, 2]",
        "4:20: '1_000' is read as 1000; write that number, or \"1_000\" for the text",
    ),
    ("base 60", "[1, 2]", "[1:30, 2]", "4:20: '1:30' is read as 90; write that number, or \"1:30\" for the text"),
    (
        "base 60 with a fraction",
        "[1, 2]",
        "[1:30.5, 2]",
        "4:20: '1:30.5' is read as 90.5; write that number, or \"1:30.5\" for the text",
    ),
    ("a date", "[1, 2]", "[2022-01-01, 2]", "4:20: '2022-01-01' is read as a date; write \"2022-01-01\" for the text"),
    ("no", "[1, 2]", "[no, 2]", "4:20: 'no' is read as false; write false, or \"no\" for the text"),
    ("off", "[1, 2]", "[1, off]", "4:23: 'off' is read as false; write false, or \"off\" for the text"),
    ("Yes", "[1, 2]", "[1, Yes]", "4:23: 'Yes' is read as true; write true, or \"Yes\" for the text"),
    ("TRUE", "[1, 2]", "[TRUE, 2]", "4:20: 'TRUE' is read as true; write true, or \"TRUE\" for the text"),
    (
        "not a number",
        "[1, 2]",
        "[.nan, 2]",
        "4:20: '.nan' is not a finite number; write a finite one, or \".nan\" for the text",
    ),
    (
        "infinity",
        "[1, 2]",
        "[1, -.inf]",
        "4:23: '-.inf' is not a finite number; write a finite one, or \"-.inf\" for the text",
    ),
    (
        "not a number, without the dot",
        "[1, 2]",
        "[nan, 2]",
        "4:20: 'nan' is not a finite number; write a finite one, or \"nan\" for the text",
    ),
    (
        "a number too large for a float",
        "[1, 2]",
        "[1.0e+999, 2]",
        "4:20: '1.0e+999' is not a finite number; write one below 1.8e+308",
    ),
    (
        "a very long number",
        "[1, 2]",
        "[" + "9" * 50 + ", 2]",
        "4:20: '9999999999999999999999999999999999999999…' is too long for a number; write fewer digits",
    ),
    (
        "an equals sign, the default key of YAML 1.1",
        "[1, 2]",
        "[=, 2]",
        "4:20: '=' is read as an instruction to YAML; write \"=\" for the text",
    ),
    ("tab before a key", "seeds: 2", "\tseeds: 2", "5:1: a tab is not allowed here; indent with spaces"),
    ("tab before a value", "seeds: 2", "seeds:\t2", "5:7: a tab is not allowed here; write spaces"),
    ("tab in a list", "seeds: 2", "seeds: [0,\n\t1]", "6:1: a tab is not allowed here; indent with spaces"),
    (
        "an open bracket",
        "[1, 2]",
        "[1, 2",
        "5:6: not YAML: expected ',' or ']', but got ':', in what begins at study.yaml:4:19; check brackets, "
        "quotes, colons and indentation here",
    ),
    (
        "an open quote",
        "seeds: 2",
        "seeds: '2",
        "9:1: not YAML: found unexpected end of stream, in what begins at study.yaml:5:8; check brackets, "
        "quotes, colons and indentation here",
    ),
    (
        "a forgotten colon",
        "seeds: 2",
        "seeds 2",
        "6:1: not YAML: could not find expected ':', in what begins at study.yaml:5:1; check brackets, "
        "quotes, colons and indentation here",
    ),
    (
        "a wrong indentation",
        "seeds: 2",
        " seeds: 2",
        "5:2: not YAML: expected <block end>, but found '<block mapping start>', in what begins at "
        "study.yaml:1:1; check brackets, quotes, colons and indentation here",
    ),
    (
        "two documents",
        "seeds: 2",
        "seeds: 2\n---\nseeds: 3",
        "6:1: a second document begins; remove '---' and what follows",
    ),
    (
        "an anchor",
        "seeds: 2",
        "seeds: &count 2",
        "5:8: anchor '&count' is not allowed; write the value where it is needed",
    ),
    ("an alias", "seeds: 2", "seeds: *count", "5:8: alias '*count' is not allowed; write the value itself"),
    (
        "nested aliases",
        "seeds: 2",
        "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]",
        "5:4: anchor '&a' is not allowed; write the value where it is needed",
    ),
    ("a merge key", "seeds: 2", "<<: {seeds: 2}", "5:1: merge key '<<' is not allowed; write the entries themselves"),
    ("a tag of YAML", "seeds: 2", "seeds: !!int 2", "5:8: tag '!!int' is not allowed; write the value without a tag"),
    (
        "a tag of Python",
        "seeds: 2",
        "seeds: !!python/object/apply:os.system [ls]",
        "5:8: tag '!!python/object/apply:os.system' is not allowed; write the value without a tag",
    ),
    ("a number as a key", "seeds: 2", "1: 2", "5:1: key '1' is read as 1, not as text; write \"1\""),
    ("yes as a key", "seeds: 2", "yes: 2", "5:1: 'yes' is read as true; write true, or \"yes\" for the text"),
    ("null as a key", "seeds: 2", "null: 2", "5:1: key 'null' is read as null, not as text; write \"null\""),
    (
        "a list as a key",
        "seeds: 2",
        "[seeds]: 2",
        "5:1: a key must be a word, not a list or a mapping; quote it if it is text",
    ),
    (
        "a file nested too deeply",
        "seeds: 2",
        "seeds: " + "[" * 30 + "]" * 30,
        "5:27: nested deeper than 20 levels; write a flatter file",
    ),
    (
        "an escaped control character",
        "seeds: 2",
        'question: "ring \\a"',
        "5:11: the text holds the control character \\x07; remove it",
    ),
    ("a control character", "seeds: 2", "question: ring \a", "5:16: character U+0007 is not allowed; remove it"),
]


@pytest.mark.parametrize(
    ("original", "replacement", "message"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_ambiguous_or_invalid_yaml_is_refused_at_its_place(
    error_message: Callable[[str], str], original: str, replacement: str, message: str
) -> None:
    assert error_message(STUDY.replace(original, replacement)) == f"study.yaml:{message}"
