"""The report as one HTML page."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from ablate.events import State
from ablate.planning.resolve import resolve_proposal
from ablate.reporting.content import report_of
from ablate.reporting.html import to_html
from ablate.reporting.write import write_report
from ablate.stats.results import Result
from ablate.study.model import Study


@pytest.fixture
def page(study: Study, results: list[Result], tmp_path: Path) -> Path:
    return write_report(report_of(study, results), tmp_path).with_name("report.html")


def test_the_page_holds_its_images_with_ids_of_their_own(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "src=" not in text
    assert text.count("<svg ") == 2
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert "<title>transformation=vat: 80 ± 25, n = 3</title>" in text
    assert "<title>transformation=vat, seed 2: 90.00</title>" in text
    assert "<title>transformation=np, seed 1: 0.0000</title>" in text  # a difference
    assert set(re.findall(r"https?://[^\"' <]*", text)) == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_markup_in_a_study_is_shown_as_text(make_study: Callable[..., Study]) -> None:
    study = make_study({}, question="<script>alert(1)</script> [a](javascript:alert(1)) ![b](http://example.org/b.png)")
    from ablate.reporting.markdown import to_markdown

    text = to_html(study.name, to_markdown(report_of(study, [])), {})
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "href" not in text
    assert "<img" not in text


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_narrow_and_wide_windows(page: Path, browser: webdriver.Chrome, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(page.as_uri())
    assert browser.find_element(By.TAG_NAME, "h1").text == "example"
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width  # type: ignore[no-untyped-call]  # of selenium
    figures = [figure.size["width"] for figure in browser.find_elements(By.TAG_NAME, "svg")]
    assert len(figures) == 2
    least = 34 * 16  # pixels, below which their text is too small: in a narrow window figures scroll in their lines
    assert all(least <= figure <= max(width, least) for figure in figures)


@pytest.mark.slow
def test_the_page_has_readable_text_in_light_dark_and_print(page: Path, browser: webdriver.Chrome) -> None:
    browser.get(page.as_uri())
    seen = set()
    for media, scheme in (("", "light"), ("", "dark"), ("print", "light")):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        style = "return (style => [style.color, style.backgroundColor])(getComputedStyle(document.body))"
        ink, paper = (brightness(color) for color in browser.execute_script(style))  # type: ignore[no-untyped-call]  # of selenium
        assert abs(ink - paper) > 150
        seen.add(ink > paper)
    assert seen == {True, False}
    printed = browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
    assert len(printed) > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("sandboxed", [False, True])
def test_tips_of_points_are_shown_to_the_mouse_and_to_the_arrow_keys(
    page: Path, browser: webdriver.Chrome, sandboxed: bool
) -> None:
    """Also in a frame that may run scripts and nothing else, as MLflow shows the files of runs."""
    if sandboxed:
        frame = page.with_name("frame.html")
        frame.write_text(f'<iframe sandbox="allow-scripts" width="900" height="600" src="{page.name}"></iframe>')
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.get((frame if sandboxed else page).as_uri())
    if sandboxed:
        browser.switch_to.frame(0)
    figure = browser.find_elements(By.TAG_NAME, "svg")[1]
    tip = browser.find_element(By.CSS_SELECTOR, ".tip")
    browser.execute_script("arguments[0].focus()", figure)  # type: ignore[no-untyped-call]  # of selenium
    keys = ActionChains(browser)
    shown = []
    for _ in range(16):  # a mean and three seeds at each of four levels
        keys.send_keys(Keys.ARROW_RIGHT).perform()
        shown.append(tip.text)
        assert tip.is_displayed()
    assert shown[0] == "transformation=np: 80 ± 25, n = 3"
    assert set(shown[1:4]) == {f"transformation=np, seed {seed}: {70 + 10 * seed}.00" for seed in range(3)}
    assert len(set(shown)) == 16
    keys.send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()
    keys.send_keys(Keys.ARROW_LEFT).perform()
    last = figure.find_element(By.CSS_SELECTOR, ".shown")
    keys.send_keys(Keys.ESCAPE).perform()
    keys.move_to_element(last).perform()
    assert tip.text == shown[-1]
    box, bounds = tip.rect, browser.execute_script("return document.documentElement.clientWidth")  # type: ignore[no-untyped-call]  # of selenium
    assert 0 <= box["x"] <= bounds - box["width"]


@pytest.mark.slow
def test_links_show_their_address_in_a_frame_out_of_which_none_leads(
    study: Study, results: list[Result], tmp_path: Path, browser: webdriver.Chrome
) -> None:
    runs = "http://mlflow.example/#/experiments/7/runs/"
    results = [replace(one, parent=one.variant) for one in results]
    page = write_report(report_of(study, results, runs=runs), tmp_path).with_name("report.html")
    frame = page.with_name("frame.html")
    frame.write_text(f'<iframe sandbox="allow-scripts" width="900" height="600" src="{page.name}"></iframe>')
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.get(frame.as_uri())
    browser.switch_to.frame(0)
    browser.find_element(By.CSS_SELECTOR, "td a").click()
    address = runs + results[0].variant
    assert browser.find_element(By.CSS_SELECTOR, ".tip").text == f"no link opens from here; its address is {address}"
    assert browser.find_element(By.TAG_NAME, "h1").text == "example"


@pytest.mark.slow
def test_the_figures_of_a_search_are_interactive_and_request_nothing(
    search_study: Callable[..., Study], tmp_path: Path, browser: webdriver.Chrome
) -> None:
    """Slices, parallel coordinates, history, contours and timeline; the page holds plotly once."""
    study, results = search_study(), []
    for number, epsilon in enumerate((0.2, 0.5, 1.0, 2.0)):
        levels = {"method.epsilon": epsilon, "training.learning_rate": 1e-3 + number * 1e-3}
        for trial in resolve_proposal(study, levels):
            scores = {"linear/accuracy": 0.9 - abs(epsilon - 1) / 10}
            results.append(Result(trial, State.FINISHED, scores, started=10.0 * number, ended=10.0 * number + 9))
    page = write_report(report_of(study, results), tmp_path).with_name("report.html")
    assert page.stat().st_size < 4_000_000
    browser.get(page.as_uri())
    WebDriverWait(browser, 300).until_not(lambda one: one.find_elements(By.CSS_SELECTOR, ".interactive > svg"))
    kinds = browser.execute_script(  # type: ignore[no-untyped-call]  # of selenium
        "return [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.data.map(one => one.type))"
    )
    assert [("contour" in one, "bar" in one) for one in kinds] == [(False, False)] * 3 + [(True, False), (False, True)]
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")  # type: ignore[no-untyped-call]  # of selenium
    assert [name for name in loaded if not name.startswith("data:")] == []


def brightness(color: str) -> float:
    """The mean of a colour's parts, from 0 to 255."""
    parts = [float(part) for part in re.findall(r"[\d.]+", color)[:3]]
    return sum(parts) / 3
