"""Headless Chromium for tests: Debian's, driven by its chromedriver through Selenium."""

from __future__ import annotations

import shutil
import site
import subprocess
from pathlib import Path

from environments import environment
from harness import ROOT

HERE = Path(__file__).resolve().parent
PACKAGES = {"chromium": "chromium", "chromium-driver": "chromedriver"}
PICTURES = ROOT / ".build" / "screenshots"


def ready() -> None:
    """Makes Selenium importable, and installs Chromium where it is missing."""
    missing = [package for package, program in PACKAGES.items() if not shutil.which(program)]
    subprocess.run([ROOT / "scripts/install-dependencies", *missing], check=True)
    python = environment(ROOT / ".venv-browser", HERE / "requirements.txt")
    for packages in python.parents[1].glob("lib/python*/site-packages"):
        site.addsitedir(str(packages))


def start(name: str, *more: str, watches: bool = False):
    """A browser profile of its own; `name` goes into the names of its pictures, `more` are options of Chromium.

    One that is watched also logs what its network says to developers.
    """
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                 "--window-size=1280,1000", *more):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", **({"performance": "ALL"} if watches else {})})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.set_script_timeout(60)
    driver.profile_name = name
    return driver


def picture(driver, title: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    driver.save_screenshot(str(PICTURES / f"{driver.profile_name}-{title}.png"))


def console_errors(driver) -> list[str]:
    """What the page complained of since the last time; a refused request of ours is no complaint of the page."""
    entries = driver.get_log("browser")
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE" and " 401 " not in entry["message"]]
