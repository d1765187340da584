"""Files that reach the disk whole, while others look at them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dice_core import storage
from dice_core.storage import ATTEMPTS, replace_file


def files(folder: Path) -> tuple[Path, Path]:
    (folder / "new").write_text("new")
    (folder / "old").write_text("old")
    return folder / "new", folder / "old"


@pytest.mark.parametrize("refusals", [0, 1, ATTEMPTS - 1])
def test_a_file_that_is_in_use_for_a_moment_is_replaced(
    tmp_path: Path, refusals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Windows does while a virus scanner has the target open."""
    left = [refusals]
    rename = os.replace

    def refuse(source: Path, target: Path) -> None:
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "Access is denied")
        rename(source, target)

    pauses: list[float] = []
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(storage.time, "sleep", pauses.append)
    temporary, path = files(tmp_path)
    replace_file(temporary, path)
    assert path.read_text() == "new"
    assert not temporary.exists()
    assert len(pauses) == refusals
    assert sum(pauses) < 2


def test_a_file_that_stays_in_use_is_an_error_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def refuse(source: Path, target: Path) -> None:
        tries.append(source)
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(storage.time, "sleep", lambda _: None)
    temporary, path = files(tmp_path)
    with pytest.raises(PermissionError):
        replace_file(temporary, path)
    assert len(tries) == ATTEMPTS
    assert path.read_text() == "old"


def test_other_errors_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.time, "sleep", lambda _: pytest.fail("waited"))
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "nowhere", tmp_path / "new")
