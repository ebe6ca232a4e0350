"""The tables of a report as LaTeX: pdflatex compiles them, whatever the words of the study, and shows these."""

import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ablate.reporting.content import report_of
from ablate.reporting.latex import MOST_ROWS, latex_table, latex_tables, to_latex
from ablate.reporting.latex_text import latex_text
from ablate.reporting.report import Table
from ablate.stats.results import Result
from ablate.study.model import Study

DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs, graphicx}
\begin{document}
%s
\end{document}
"""
METHODS = ("invariant", "ae", "vae", "aae", "sae", "dae", "cpc", "simclr", "moco", "swav")
DATASETS = ("fsdd", "digits", "mnist")
SIGNS, LETTERS = r"100 % & a_b # ~ ^ \ {c} $d$ < > | ' ± – …", "ε λ β Δ σ² x₁ é Ł ą 中文"


@pytest.fixture
def pdflatex() -> str:
    found = shutil.which("pdflatex")
    if not found:
        pytest.skip("no pdflatex; install Debian's texlive-latex-base and texlive-latex-recommended")
    return found


def compile_tables(pdflatex: str, tables: str, folder: Path) -> str:
    """The log of pdflatex, which must not report an error."""
    (folder / "main.tex").write_text(DOCUMENT % tables, encoding="utf-8")
    command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=120)
    log = ran.stdout.decode(errors="replace")
    assert ran.returncode == 0, log[-2000:]
    return log


def test_tables_of_ten_methods_and_three_data_sets_compile_whatever_their_words(
    make_study: Callable[..., Study], make_result: Callable[..., Result], pdflatex: str, tmp_path: Path
) -> None:
    """One seed has no value, and one no number; no table is wider than the text."""
    labels = {
        "method": {"label": LETTERS, "levels": {"vae": f"VAE {SIGNS}", "ae": f"AE {LETTERS}"}},
        "linear/accuracy": {"label": SIGNS, "unit": "%"},
    }
    study = make_study({"axes": {"method": METHODS, "dataset": DATASETS}}, question=f"{SIGNS} {LETTERS}", labels=labels)
    results = [
        make_result({"method": name, "dataset": data}, seed, score, method=name, dataset=data)
        for at, name in enumerate(METHODS)
        for data in DATASETS
        for seed in range(3)
        if (score := math.nan if (name, seed) == ("sae", 0) else 0.5 + 0.01 * at + 0.003 * seed * at)
        and (name, data, seed) != ("dae", "mnist", 2)
    ]
    text = to_latex(report_of(study, results))
    assert "tab:pivot-1" in text
    assert "tab:data-sets" in text
    log = compile_tables(pdflatex, text, tmp_path)
    assert "Overfull" not in log
    assert "Float too large" not in log


def test_a_long_table_is_in_parts_that_fit_on_pages(pdflatex: str, tmp_path: Path) -> None:
    table = Table(("row", "value"), tuple((f"row {at}", at) for at in range(2 * MOST_ROWS + 1)))
    text = latex_tables([(table, "Many rows", "many")])
    assert text.count(r"\begin{tabular}") == 3
    assert r"\caption{Many rows (part 2 of 3)}" in text
    assert [f"tab:{label}" in text for label in ("many", "many-part-2", "many-part-3")] == [True] * 3
    assert "Float too large" not in compile_tables(pdflatex, text, tmp_path)


def test_every_letter_compiles(pdflatex: str, tmp_path: Path) -> None:
    """Of ASCII, Latin, Greek and Cyrillic, with signs and one letter beyond the first plane."""
    codes = (*range(0x21, 0x7F), *range(0xA1, 0x530), *range(0x1E00, 0x2300), 0x1D4B3)
    compile_tables(pdflatex, "\n\n".join(latex_text(chr(code)) for code in codes), tmp_path)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("50 % of x_1 & {c}", r"50 \% of x\_1 \& \{c\}"),
        ("~ ^ \\ # $", r"\textasciitilde{} \textasciicircum{} \textbackslash{} \# \$"),
        ("ε=0.5, λ, Δ, Ε", r"$\varepsilon$=0.5, $\lambda$, $\Delta$, E"),
        ("10⁻³ x₁ σ²", r"10$^{-}$$^{3}$ x$_{1}$ $\sigma$$^{2}$"),
        ("naïve", "naïve"),
        ("中 文x", r"\ifdefined\Umathcode 中\else U+4E2D\fi{} \ifdefined\Umathcode 文\else U+6587\fi{}x"),
        ("ą", r"\ifdefined\Umathcode ą\else a\fi{}"),
    ],
)
def test_letters_that_pdflatex_lacks_become_commands_or_code_points(text: str, latex: str) -> None:
    assert latex_text(text) == latex


def test_a_table_is_scaled_down_to_the_width_of_the_text_with_words_to_the_left_and_numbers_to_the_right() -> None:
    text = latex_table(Table(("a", "b", "c"), (("k=1", 2, "–"), ("k=2", "< 0.001", "one"))), "Three columns", "three")
    assert text.index(r"\tablefit{%") < text.index(r"\begin{tabular}{lrl}") < text.index(r"\end{tabular}}")
