"""Opens the built site in headless Chromium: ``python docs/check_site.py build/site [build/screenshots]``.

Every internal link and image must answer, no page may log an error, the search must find `max_pool2d`, and axe-core
must report no serious violation on the pages that stand for all.  Pictures of them are kept, in both modes and widths.
"""

from __future__ import annotations

import sys
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from urllib.parse import unquote, urldefrag, urljoin, urlparse

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
CHOSEN = (
    "index.html", "getting_started.html", "guide/index.html", "guide/windows.html", "guide/borders.html",
    "api/index.html", "api/core.html", "api/generated/cypool.pool.html", "api/generated/cypool.nn.max_pool2d.html",
    "gallery/index.html", "gallery/plot_tiny_cnn.html", "performance.html", "comparison.html",
)  # fmt: skip


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Requests are not printed."""


class Links(HTMLParser):
    """Where a page leads to, and the places in it that can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.places |= {value for key in ("id", "name") if (value := named.get(key))}
        for key in ("href", "src"):
            if value := named.get(key):
                self.found.add(value)


def pages_of(site: Path) -> list[Path]:
    return [file for file in sorted(site.rglob("*.html")) if "_static" not in file.parts]


def broken_links(site: Path) -> list[str]:
    """Internal links that lead nowhere."""
    pages = {file.relative_to(site).as_posix(): Links(file.read_text()) for file in pages_of(site)}
    problems = []
    for name, page in pages.items():
        for link in sorted(page.found):
            target, place = urldefrag(urljoin(f"http://site/{name}", link))
            parts = urlparse(target)
            if parts.netloc != "site" or parts.scheme != "http":
                continue
            path = unquote(parts.path).lstrip("/")
            file = site / path
            if not (file / "index.html" if file.is_dir() else file).is_file():
                problems.append(f"{name}: {link} does not exist")
            elif place and path in pages and unquote(place) not in pages[path].places:
                problems.append(f"{name}: {link} has no such place")
    return problems


def listen(page: Page) -> list[str]:
    """A list to which all is added that goes wrong in a page from now on."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: heard.append(f"{request.url} failed"))
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def visit(page: Page, address: str) -> list[str]:
    """Opens a page; what can be seen to be wrong with it."""
    page.goto(address, wait_until="networkidle")
    page.evaluate("for (const i of document.images) i.loading = 'eager'")
    page.wait_for_function("[...document.images].every(i => i.complete)", timeout=10_000)
    empty = page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)")
    problems = [f"{image} shows nothing" for image in empty]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 1:
        problems.append(f"{wide} pixels wider than the window")
    return problems


def look(browser: Browser, root: str, names: list[str], screenshots: Path) -> list[str]:
    """Opens the pages in both widths and both modes."""
    problems = []
    for mode in ("light", "dark"):
        for width, (across, down) in WIDTHS.items():
            context = browser.new_context(viewport={"width": across, "height": down}, color_scheme=mode)
            page = context.new_page()
            heard = listen(page)
            for name in names if mode == "light" else [name for name in names if name in CHOSEN]:
                where = f"{name} ({mode}, {width})"
                heard.clear()
                problems += [f"{where}: {problem}" for problem in (*visit(page, root + name), *heard)]
                if name in CHOSEN:
                    page.screenshot(path=screenshots / f"{name[:-5].replace('/', '-')}-{width}-{mode}.png")
                    for violation in Axe().run(page).response["violations"]:
                        if violation["impact"] in ("serious", "critical"):
                            nodes = [node["target"] for node in violation["nodes"][:3]]
                            problems.append(f"{where}: {violation['id']}: {violation['help']} {nodes}")
            context.close()
    return problems


def search(browser: Browser, root: str) -> list[str]:
    page = browser.new_page()
    page.goto(root + "search.html?q=max_pool2d")
    page.wait_for_selector("#search-results ul.search li a", timeout=20_000)
    page.wait_for_timeout(1000)
    found = page.eval_on_selector_all("#search-results ul.search li a", "links => links.map(a => a.href)")
    page.close()
    return [] if any("cypool.nn.max_pool2d.html" in link for link in found) else [f"search finds {found[:5]}"]


def main() -> None:
    site = Path(sys.argv[1])
    screenshots = Path(sys.argv[2] if len(sys.argv) > 2 else "build/screenshots")
    screenshots.mkdir(parents=True, exist_ok=True)
    problems = broken_links(site)
    names = [*CHOSEN, *sorted({f"gallery/{file.name}" for file in site.glob("gallery/plot_*.html")} - set(CHOSEN))]
    problems += [f"{name} does not exist" for name in names if not (site / name).is_file()]
    names = [name for name in names if (site / name).is_file()]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=which("chromium") or which("google-chrome"), args=["--no-sandbox"]
        )
        problems += look(browser, root, names, screenshots) + search(browser, root)
        browser.close()
    server.shutdown()
    print(f"{len(names)} pages opened; all links of {len(pages_of(site))} followed")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
