"""A small study, launched by the real command line, and a real browser that looks at it in MLflow's UI."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from mlflow.entities import Run
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from ablate.paths import Store
from ablate.track.ledger import Ledger
from ablate.track.server import ensure_server

T = TypeVar("T")

LAUNCH = 500.0  # seconds: most of the processor may be somebody else's
PATIENCE = 120.0  # seconds for a page
WINDOW = "1900,1300"  # pixels: the run list shows only the rows and columns that have room
PASSING = (  # trouble that ends when a page is drawn
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
STUDY = """
question: How far must the adversarial step move a digit?
method: invariant
dataset: digits
axes:
  method.epsilon: [0.4, 0.8]
fixed: {training.epochs: 2, method.k: 10, probes.linear.epochs: 5}
seeds: 2
probes: [linear]
metric: linear/accuracy
resources: {cpu: 2}
"""


@dataclass(frozen=True)
class Finished:
    """A finished study in MLflow."""

    uri: str
    experiment: str  # its id
    runs: dict[str, Run]  # by name


@dataclass(frozen=True)
class Browser:
    """Chromium on MLflow's pages, as patient as a busy machine needs it to be."""

    driver: Chrome
    uri: str

    def open(self, page: str) -> None:
        """Load a page from scratch: MLflow takes a mere change of the address for one page that goes on."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.uri}/#/{page}")

    def all(self, path: str) -> list[WebElement]:
        """What an XPath finds now."""
        return self.driver.find_elements(By.XPATH, path)

    def find(self, path: str) -> WebElement:
        """The first visible element of an XPath, once there is one."""
        return self.until(lambda: next(filter(WebElement.is_displayed, self.all(path)), None), path)

    def click(self, path: str) -> None:
        """Click on the first visible element of an XPath, once nothing lies over it."""

        def clicked() -> bool:
            self.find(path).click()
            return True

        self.until(clicked, f"{path} to click on")

    def until(self, seen: Callable[[], T | None], what: str) -> T:
        """What is seen at last; while a page is drawn, elements come, move and go."""
        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=PASSING)
        try:
            found = waiting.until(lambda _: seen() or False)
        except TimeoutException:
            body = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"no {what} at {self.driver.current_url}, which says:\n{body}") from None
        assert found
        return found


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """Where the browser and its driver are."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("no chromium or no chromedriver; install Debian's chromium and chromium-driver")
    return browser, driver


@pytest.fixture(scope="session")
def finished(chromium: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """The study `steps`, launched, and served by MLflow."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "steps.yaml").write_text(STUDY)
    launch(folder)
    before = os.environ.pop("MLFLOW_TRACKING_URI", None)
    server = ensure_server(Store(folder / "store"))
    try:
        ledger = Ledger(server.uri)
        experiment = ledger.client.get_experiment_by_name("steps")
        assert experiment is not None
        runs = ledger.client.search_runs([experiment.experiment_id])
        yield Finished(server.uri, experiment.experiment_id, {str(run.info.run_name): run for run in runs})
    finally:
        server.stop()
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


@pytest.fixture(scope="session")
def driver(chromium: tuple[str, str]) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = chromium[0]
    for argument in ("headless=new", "disable-dev-shm-usage", "disable-gpu", f"window-size={WINDOW}"):
        options.add_argument(f"--{argument}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium gives root none
    driver = Chrome(options=options, service=Service(chromium[1]))
    try:
        driver.set_page_load_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(driver: Chrome, finished: Finished) -> Browser:
    """MLflow's UI as it is for a newcomer who has chosen model training."""
    driver.get(f"{finished.uri}/health")
    driver.execute_script("localStorage.clear()")  # where MLflow remembers what was unfolded
    found = Browser(driver, finished.uri)
    found.open("experiments")
    found.click("//*[text()='Model training']")
    return found


def launch(folder: Path) -> None:
    """Run the command line on the study in this folder, its store beside it."""
    environment = {**os.environ, "ABLATE_STORE": str(folder / "store"), "OMP_NUM_THREADS": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    ended = subprocess.run(
        [sys.executable, "-m", "ablate", "launch", "steps.yaml"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LAUNCH,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
