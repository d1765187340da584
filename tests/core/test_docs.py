"""What the pages say exists: links, files, and the functions and classes that the architecture's walk names."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PRODUCTS = {"GitHub", "MediaPipe", "OpenCV", "PyAV"}  # written as classes are
FOLDERS = ("dice_core", "dice_blender", "docs", "examples", "tests", "tools", "wheels", ".ci", ".github")


@cache
def files() -> tuple[str, ...]:
    """Paths of the repository, with a slash before each."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return tuple("/" + path.relative_to(ROOT).as_posix() for path in [*ROOT.iterdir(), *inside])


@cache
def source() -> str:
    """All code of the two packages."""
    packages = (ROOT / "dice_core", ROOT / "dice_blender")
    return "\n".join(path.read_text(encoding="utf-8") for package in packages for path in package.rglob("*.py"))


def missing_files(text: str) -> set[str]:
    """Python files named in a text of which there is none, in any folder; a name may hold a `*`."""
    named = set(re.findall(r"[\w./*-]*\w\.py\b", text))
    return {name for name in named if not any(fnmatch(path, f"*/{name}") for path in files())}


def missing_names(text: str) -> set[str]:
    """Functions, written `name()`, and classes and members, written `Class.member`, that no code defines."""
    missing = {name for name in re.findall(r"\b(\w+)\(\)", text) if not re.search(rf"\bdef {name}\b", source())}
    classes = re.findall(r"\b([A-Z][a-z]+[A-Z]\w+|[A-Z][a-z]+(?=\.[a-z_]+\b(?!\.py)))(?:\.([a-z_]+))?", text)
    for name, member in classes:
        if name in PRODUCTS:
            continue
        if not re.search(rf"\b(class {name}|{name}) *[(:=]", source()):
            missing.add(name)
        elif member and not re.search(rf"\bdef {member}\b|^    {member}:", source(), re.MULTILINE):
            missing.add(f"{name}.{member}")
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_files_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not missing_files(text)
    folders = set(re.findall(r"`((?:dice_core|dice_blender|tests|tools|examples|docs)(?:/[\w.]+)*)/?`", text))
    assert not [folder for folder in folders if not (ROOT / folder).exists()]


def test_the_architecture_names_what_there_is() -> None:
    assert not missing_names((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))


def test_what_is_not_there_is_noticed() -> None:
    assert missing_files("see `engines/*/postprocess.py` and `fitting/smoothing.py`") == {"fitting/smoothing.py"}
    assert missing_names("`capture()`, `settle()`, `Engine.fit`, `Engine.settle`, `HandPlacer`") == {
        "settle",
        "Engine.settle",
        "HandPlacer",
    }
