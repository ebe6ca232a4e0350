"""Chromium, driven by Selenium, on the pages of MLflow's UI."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")

PATIENCE = 120.0  # seconds for a page
PASSING = (  # exceptions that are raised while a page is still being drawn
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)

SCROLL = """
for (const element of document.querySelectorAll('*')) {
  const hidden = element.scrollHeight - element.clientHeight;
  if (hidden > 10 && element.clientHeight > 50 && /auto|scroll/.test(getComputedStyle(element).overflowY))
    element.scrollTop = element.scrollTop > hidden - 5 ? 0 : element.scrollTop + element.clientHeight / 2;
}
"""  # scrolls every part of the page by half of its height, and from its end to its beginning


@dataclass(frozen=True)
class Browser:
    """Chromium on MLflow's UI; lookups wait for their element up to `PATIENCE` seconds."""

    driver: Chrome
    uri: str

    def open(self, page: str) -> None:
        """Load a page anew; MLflow does not reload where only the part of the address after `#` changes."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.uri}/#/{page}")

    def all(self, path: str) -> list[WebElement]:
        """All elements that an XPath finds now."""
        return self.driver.find_elements(By.XPATH, path)

    def find(self, path: str) -> WebElement:
        """The first visible element of an XPath, once there is one."""
        return self.until(lambda: next(filter(WebElement.is_displayed, self.all(path)), None), path)

    def find_by_scrolling(self, path: str) -> WebElement:
        """The first visible element of an XPath; MLflow draws parts of a page when they are scrolled into view."""

        def found() -> WebElement | None:
            element = next(filter(WebElement.is_displayed, self.all(path)), None)
            if element is None:
                self.driver.execute_script(SCROLL)
            return element

        return self.until(found, path)

    def click(self, path: str) -> None:
        """Click on the first visible element of an XPath, once no other element covers it."""

        def clicked() -> bool:
            self.find(path).click()
            return True

        self.until(clicked, f"{path} to click on")

    def until(self, seen: Callable[[], T | None], what: str) -> T:
        """What `seen` returns once that is true; exceptions of a page that is being drawn are ignored."""
        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=PASSING)
        try:
            found = waiting.until(lambda _: seen() or False)
        except TimeoutException:
            body = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"no {what} at {self.driver.current_url}, whose text is:\n{body}") from None
        assert found
        return found
