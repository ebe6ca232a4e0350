"""The HTML of reports of many levels, with pictures, of two studies and of a paper: valid, and readable in Chromium."""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
from selenium import webdriver

from ablate.reporting.content import report_of
from ablate.reporting.paper_page import NotRun, PaperStudy, page_of
from ablate.reporting.paper_page_formats import write_page
from ablate.reporting.two_studies import StudyResults, compare_studies
from ablate.reporting.two_studies_formats import write_comparison
from ablate.reporting.write import write_report
from ablate.stats.results import Result
from ablate.study.model import Study

AXIS, K = "method.transformation", "method.k"
NOISE = (0.0, 0.01, -0.01)
RUNS = "http://mlflow.example/#/experiments/7/runs/"
DOT = b64decode(  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PAPER = {"id": "invariant-features", "ablation": "transformation", "note": "Trained for 20 epochs only."}
A4 = 718  # CSS pixels of a printed line: 210 mm without two margins of 10 mm
KINDS = ("thirty levels", "pictures", "two studies", "paper")
LAST_EDGE = """
return Math.max(...[...document.querySelectorAll('p, h1, h2, h3, td, th, svg, img, blockquote, li')]
  .map(one => one.getBoundingClientRect().right))
"""
UNREACHABLE = """
return [...document.querySelectorAll('svg a')].filter(link => {
  link.scrollIntoView({block: 'center'});
  const box = link.getBoundingClientRect();
  const found = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
  return !found || !found.closest('a') || !found.closest('a').href.baseVal.startsWith(arguments[0]);
}).length
"""
MakePage = Callable[[str], Path]


@pytest.fixture
def write(
    make_study: Callable[..., Study], make_result: Callable[..., Result], study: Study, tmp_path: Path
) -> MakePage:
    """A function that writes the page of a kind, and returns its file."""

    def results_along(axis: str, levels: tuple[int | str, ...]) -> tuple[Result, ...]:
        made = (
            make_result({axis: level}, seed, 0.2 + 0.02 * at + noise * (1 + at % 3))
            for at, level in enumerate(levels)
            for seed, noise in enumerate(NOISE)
        )
        return tuple(replace(one, parent=one.variant, run=f"{one.variant}-{one.seed}") for one in made)

    def page(kind: str) -> Path:
        results = results_along(AXIS, ("np", "rp", "rp+vat", "vat"))
        match kind:
            case "thirty levels":
                levels = tuple(range(10, 310, 10))
                many = make_study({"axes": {K: levels}})
                file = write_report(report_of(many, results_along(K, levels), runs=RUNS), tmp_path)
            case "pictures":
                file = write_report(report_of(study, results, runs=RUNS, fetch=lambda *_: DOT), tmp_path)
            case "two studies":
                sides = StudyResults("one", study, results, RUNS), StudyResults("two", study, results, RUNS)
                file = write_comparison(compare_studies(*sides), tmp_path)
            case _:
                case = {"axes": {AXIS: ("np", "rp", "rp+vat", "vat")}}
                launched = PaperStudy(make_study(case, paper=PAPER), results, runs=RUNS)
                not_run = NotRun("k", "invariant/k", "Which <k> is best?", ("invariant/k",))
                file = write_page(page_of("invariant-features", [launched], [not_run]), tmp_path)
        return file.with_name("report.html")

    return page


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_no_error_of_syntax(kind: str, write: MakePage) -> None:
    parser = html5lib.HTMLParser()
    parser.parse(write(kind).read_text(encoding="utf-8"))
    assert parser.errors == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_fits_windows_and_paper_and_its_links_and_pictures_work(
    kind: str, write: MakePage, browser: webdriver.Chrome
) -> None:
    file = write(kind)
    for width, media in ((360, ""), (1280, ""), (A4, "print")):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
        browser.get(file.as_uri())
        assert evaluated(browser, "return document.documentElement.scrollWidth") <= width, (width, media)
    assert evaluated(browser, LAST_EDGE) <= A4  # nothing scrolls on paper
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert evaluated(browser, "return [...document.images].filter(one => !one.naturalWidth).length") == 0
    if kind in ("thirty levels", "pictures"):
        points = evaluated(browser, "return document.querySelectorAll('svg a').length")
        assert points == {"thirty levels": 29 + 30, "pictures": 3 + 4}[kind]
        assert evaluated(browser, UNREACHABLE, RUNS) == 0


@pytest.mark.slow
def test_the_findings_of_a_paper_are_seen_without_scrolling(write: MakePage, browser: webdriver.Chrome) -> None:
    size = {"width": 1100, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(write("paper").as_uri())
    hidden = "const one = document.querySelector('.table'); return one.scrollWidth - one.clientWidth"
    assert evaluated(browser, hidden) == 0


def evaluated(browser: webdriver.Chrome, script: str, *arguments: str) -> int:
    """The whole number that a script returns, rounded down."""
    return int(browser.execute_script(script, *arguments))  # type: ignore[no-untyped-call]  # of selenium
