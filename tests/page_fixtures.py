"""What the tests of the page share: a browser, a server, and a page of it.

Modules that import this are skipped where there is no Chromium, unless
MNIST_SUM_BROWSER=required.
"""

import os
import pathlib

import pytest

REQUIRED = os.environ.get("MNIST_SUM_BROWSER") == "required"
if not REQUIRED:
    pytest.importorskip("playwright")

import browser as browsers
from browser import wait_for_answer
from playwright.sync_api import expect

from mnist_sum_tf.demo import server as demo

if not REQUIRED and browsers.find_browser() is None:
    pytest.skip("there is no Chromium on PATH", allow_module_level=True)

expect.set_options(timeout=30_000)  # Other work may keep the machine busy.

ROOT = pathlib.Path(__file__).parents[1]
PHOTOGRAPHS = ROOT / "exported_models" / "photographs"
LEVEL = [(20.0, 20.0), (60.0, 20.0), (100.0, 20.0)]


@pytest.fixture(scope="module")
def server():
    server = demo.start_server(
        demo.DemoConfig(
            port=0,
            examples=str(PHOTOGRAPHS),
            model=str(ROOT / "exported_models" / "mnist_sum"),
        )
    )
    server.start_in_thread()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with browsers.Browser() as browser:
        yield browser


@pytest.fixture
def page(browser, server):
    page = browser.open(server.url)
    yield page
    page.context.close()


def type_digits(page, digits: str) -> None:
    page.keyboard.type(digits)
    wait_for_answer(page)
