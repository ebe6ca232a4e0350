"""MLflow's UI shows a study's runs by name, nested by variant, with their parameters, metrics and files."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from ablate.paths import Store
from ablate.track.client import search
from ablate.track.entities import Run
from ablate.track.mlflow_store import MlflowStore
from ablate.track.server import ensure_server
from ablate.track.shared_views import NESTED, link_to_runs

from .browser import PATIENCE, Browser
from .conftest import WorkingDirectory

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

VARIANTS = ["epsilon=0.4", "epsilon=0.8"]
CELL = "//*[@role='gridcell'][contains(., '{value}')]"
ROW = "//div[@role='row'][.//a[normalize-space()='{name}']]"  # of the run list
WINDOW = "1900,1300"  # pixels: the run list shows only the rows and columns that have room
NAME = ".//a[contains(@href, '/runs/')]"  # in a row


@dataclass(frozen=True)
class Finished:
    """A finished study in MLflow."""

    uri: str
    experiment: str  # its id
    runs: dict[str, Run]  # by name


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """The paths of the browser and its driver, which are Debian packages; the test is skipped without them."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("no chromium or no chromedriver; install Debian's chromium and chromium-driver")
    return browser, driver


@pytest.fixture(scope="session")
def finished(
    chromium: tuple[str, str], uninterrupted: WorkingDirectory, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """A copy of the uninterrupted study's store, served by MLflow."""
    store = Store(tmp_path_factory.mktemp("browser") / "store")
    shutil.copytree(uninterrupted.store.root, store.root, ignore=shutil.ignore_patterns("port", "server.*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        server = ensure_server(store)
    try:
        mlflow_store = MlflowStore(server.uri)
        experiment = mlflow_store.client.get_experiment_by_name("small")
        assert experiment is not None
        runs = search(mlflow_store.client, [experiment.experiment_id], {})
        yield Finished(server.uri, experiment.experiment_id, {str(run.info.run_name): run for run in runs})
    finally:
        server.stop()


@pytest.fixture(scope="session")
def driver(chromium: tuple[str, str]) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = chromium[0]
    for argument in ("headless=new", "disable-dev-shm-usage", "disable-gpu", f"window-size={WINDOW}"):
        options.add_argument(f"--{argument}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses to start its sandbox as root
    driver = Chrome(options=options, service=Service(chromium[1]))
    try:
        driver.set_page_load_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def fresh(driver: Chrome, finished: Finished) -> Browser:
    """A browser that has never shown MLflow."""
    driver.get(f"{finished.uri}/health")
    driver.execute_script("localStorage.clear(); sessionStorage.clear()")
    driver.delete_all_cookies()
    driver.get("about:blank")
    return Browser(driver, finished.uri)


@pytest.fixture
def browser(driver: Chrome, finished: Finished) -> Browser:
    """MLflow's UI without saved settings, on its page for model training."""
    driver.get(f"{finished.uri}/health")
    driver.execute_script("localStorage.clear()")  # where MLflow saves which rows are unfolded
    found = Browser(driver, finished.uri)
    found.open("experiments")
    found.click("//*[text()='Model training']")
    return found


def listed(browser: Browser) -> list[str]:
    """The names in the run list, from the top down."""
    rows = browser.all("//div[@role='row'][.//a[contains(@href, '/runs/')]]")
    names = {int(row.get_attribute("row-index") or 0): row.find_element(By.XPATH, NAME).text for row in rows}
    return [names[place] for place in sorted(names)]


def until_listed(browser: Browser, most: int) -> list[str]:
    """The names in the run list, once it holds `most` runs."""
    return browser.until(lambda: found if len(found := listed(browser)) == most else None, f"list of {most} runs")


def unfold(browser: Browser, name: str, most: int) -> list[str]:
    """The names in the run list once the children of a run are shown, `most` in all."""
    browser.click(ROW.format(name=name) + "//button")
    return until_listed(browser, most)


def compared(browser: Browser, setting: str, metric: str) -> dict[str, tuple[str, float]]:
    """Run's name → its setting and metric on the compare page, once they are shown for both runs."""

    def read() -> list[tuple[str, str, str]] | None:
        columns = list(zip(row(browser, "Run Name:"), row(browser, setting), values(browser, metric), strict=False))
        return columns if len(columns) == 2 and all(map(all, columns)) else None

    columns = browser.until(read, f"{setting} and {metric} of two runs")
    return {name: (level, float(value)) for name, level, value in columns}


def row(browser: Browser, title: str) -> list[str]:
    """The runs' cells in a row of the compare page's tables."""
    return [cell.text for cell in browser.all(f"//tr[*[1][normalize-space()='{title}']]/*")[1:]]


def values(browser: Browser, metric: str) -> list[str]:
    """A metric of the runs on the compare page, whose names and values are two grids with rows at the same heights."""
    name = browser.find_by_scrolling(f"//*[@role='grid']//div[a[normalize-space()='{metric}']]")
    height = re.search(r"absolute; top: \d+px;", name.get_attribute("style") or "")
    assert height is not None
    cells = browser.all(f"//*[@role='grid'][not(.//a)]//div[contains(@style, '{height.group()}')]")
    return [cell.text for cell in cells]


def choose_file(browser: Browser, run: Run, *path: str) -> None:
    """Open a run's artifacts and click on folders and the file of this path."""
    browser.open(f"{place(run)}/artifacts")
    for name in path:
        browser.click(f"//ul//*[text()='{name}']")


def place(run: Run) -> str:
    return f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def test_the_list_of_experiments_links_to_the_runs_of_a_study(browser: Browser, finished: Finished) -> None:
    browser.open("experiments")
    browser.click("//a[normalize-space()='small']")
    assert until_listed(browser, 1) == ["small"]
    assert f"experiments/{finished.experiment}/runs" in browser.driver.current_url


def test_the_link_of_a_study_shows_its_metric_axes_and_variants_with_the_best_first_in_a_new_browser(
    fresh: Browser, finished: Finished
) -> None:
    fresh.driver.get(link_to_runs(finished.uri, finished.experiment))
    means = {name: finished.runs[name].data.metrics["linear/accuracy"] for name in VARIANTS}
    assert until_listed(fresh, 2) == sorted(VARIANTS, key=lambda name: -means[name])
    for column in ("linear/accuracy", "epsilon"):
        assert fresh.find(f"//*[@role='columnheader'][contains(., '{column}')]")
    fresh.driver.get("about:blank")
    fresh.driver.get(link_to_runs(finished.uri, finished.experiment, NESTED))
    assert until_listed(fresh, 1) == ["small"]
    assert sorted(unfold(fresh, "small", 3)) == [*VARIANTS, "small"]
    for column in ("linear/accuracy", "epsilon"):
        assert fresh.find(f"//*[@role='columnheader'][contains(., '{column}')]")
    mean = finished.runs["epsilon=0.8"].data.metrics["linear/accuracy"]
    assert fresh.find(CELL.format(value=str(mean)[:6]))
    assert "epsilon=0.4 · seed 1" in unfold(fresh, "epsilon=0.4", 5)
    assert fresh.find(CELL.format(value="digits"))  # the data set of a seed


def test_a_study_unfolds_into_its_variants_and_a_variant_into_its_seeds(browser: Browser, finished: Finished) -> None:
    browser.open(f"experiments/{finished.experiment}/runs")
    assert until_listed(browser, 1) == ["small"]
    folded = unfold(browser, "small", 3)
    assert folded[0] == "small"
    assert sorted(folded[1:]) == VARIANTS
    unfolded = unfold(browser, "epsilon=0.4", 5)
    at = folded.index("epsilon=0.4") + 1
    assert sorted(unfolded[at : at + 2]) == ["epsilon=0.4 · seed 0", "epsilon=0.4 · seed 1"]
    assert unfolded[:at] + unfolded[at + 2 :] == folded


def test_the_run_of_a_study_shows_its_question(browser: Browser, finished: Finished) -> None:
    browser.open(place(finished.runs["small"]))
    assert browser.find("//*[text()='Do the numbers depend on interruptions?']")


def test_the_run_of_a_study_holds_the_study_file_and_the_report(browser: Browser, finished: Finished) -> None:
    choose_file(browser, finished.runs["small"], "study.yaml")
    assert browser.find("//*[contains(., 'method.epsilon')][self::code or self::pre]")
    choose_file(browser, finished.runs["small"], "report", "report.md")
    assert browser.find("//h1[text()='small']")
    assert browser.find("//*[self::td or @role='cell'][normalize-space()='0.8']")


def test_the_page_of_the_report_opens_among_the_files_of_the_study(browser: Browser, finished: Finished) -> None:
    choose_file(browser, finished.runs["small"], "report", "report.html")
    browser.driver.switch_to.frame(browser.find("//iframe"))
    try:
        assert browser.find("//h1[normalize-space()='small']")
        assert browser.find("//img | //*[local-name()='svg']")
    finally:
        browser.driver.switch_to.default_content()


def test_the_compare_page_shows_parameter_and_mean_of_two_variants(browser: Browser, finished: Finished) -> None:
    browser.open(f"experiments/{finished.experiment}/runs")
    until_listed(browser, 1)
    unfold(browser, "small", 3)
    for name in VARIANTS:
        browser.click(ROW.format(name=name) + "//div[contains(@class, 'ag-checkbox')]")
    browser.click("//button[normalize-space()='Compare']")
    mean = {name: round(finished.runs[name].data.metrics["linear/accuracy"], 3) for name in VARIANTS}
    assert compared(browser, "method.epsilon", "linear/accuracy") == {
        "epsilon=0.4": ("0.4", mean["epsilon=0.4"]),
        "epsilon=0.8": ("0.8", mean["epsilon=0.8"]),
    }


def test_the_run_of_a_trial_shows_its_loss(browser: Browser, finished: Finished) -> None:
    run = finished.runs["epsilon=0.8 · seed 1"]
    browser.open(place(run))
    assert browser.find("//*[self::h1 or self::h2][normalize-space()='epsilon=0.8 · seed 1']")
    row = browser.find_by_scrolling("//*[@role='row'][.//a[normalize-space()='train/loss']]")
    assert float(row.text.split()[-1]) == pytest.approx(run.data.metrics["train/loss"])
    browser.click("//*[text()='Model metrics']")
    assert browser.find_by_scrolling("//*[contains(text(), 'epsilon=0.8 · seed 1 (train/loss)')]")


def test_the_picture_of_a_trial_s_embedding_is_displayed(browser: Browser, finished: Finished) -> None:
    choose_file(browser, finished.runs["epsilon=0.8 · seed 1"], "embedding.png")
    picture = browser.find("//img[contains(@src, 'blob:') or contains(@src, 'embedding.png')]")
    assert browser.until(lambda: int(picture.get_attribute("naturalWidth") or 0), "embedding.png") > 300
