"""A real browser for the tests of the page: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
NARROW = 360


def needs_browser() -> None:
    """Skips the module, with the reason, where no browser can be driven."""
    pytest.importorskip("playwright", reason="the package playwright is not installed")
    if not CHROMIUM:
        pytest.skip("no Chromium on the path", allow_module_level=True)


@contextmanager
def open_browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@dataclass
class Opened:
    """An open report and what it did that a report must not do."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def all_drawn(self) -> int:
        """Waits until every figure is drawn; how many there are."""
        self.page.evaluate("() => Promise.all(places.map(show))")
        assert self.page.locator(".plot:not([data-drawn])").count() == 0
        return self.page.locator(".plot[data-drawn] .main-svg").count()

    def has(self, script: str) -> Any:
        return self.page.evaluate(script)

    def open_folds(self) -> None:
        self.page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")


@contextmanager
def opened(
    browser: Browser, path: Path, fragment: str = "", *, width: int = 1280, **options: Any
) -> Iterator[Opened]:
    """The report at `path`; every request, error and line of the console is a complaint."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(60_000)
    found = Opened(context.new_page())
    page = found.page
    page.on("console", lambda message: found.complaints.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: found.complaints.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("file:", "data:", "blob:"))
            else found.complaints.append(f"request: {request.url}")
        ),
    )
    page.goto(path.as_uri() + fragment)
    yield found
    context.close()


def serious_findings(report: Opened) -> list[str]:
    """What axe-core finds on the page as it is, of serious impact or worse."""
    package = pytest.importorskip(
        "axe_playwright_python", reason="the package axe-playwright-python is not installed"
    )
    code = (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    report.has(f"() => {{ {code} }}")
    found = report.has("() => axe.run()")
    assert len(found["passes"]) > 20
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary'][:200]}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"][:3]
    ]
