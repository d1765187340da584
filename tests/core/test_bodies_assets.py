"""The files of the packaged bodies: their checksums in LICENSES.md, their size, and that they are plain arrays."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from dice_core import skins
from dice_core.bodies import store
from dice_core.errors import MissingModelError

LARGEST_BYTES = {"head.npz": 1_500_000, "head_attached.npz": 500_000, "hand_right.npz": 250_000}


def test_checksums_in_the_notice_are_those_of_the_files() -> None:
    notice = (store.ASSET_FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"`([\w.]+\.npz)`.*?`([0-9a-f]{64})`", notice))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in store.ASSET_FOLDER.glob("*.npz")}
    assert listed == found


@pytest.mark.parametrize("name", sorted(LARGEST_BYTES))
def test_assets_are_small_and_hold_no_objects(name: str) -> None:
    path = store.ASSET_FOLDER / name
    assert path.stat().st_size < LARGEST_BYTES[name]
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[key].dtype.kind in "biufU" for key in archive.files)


def test_checksums_of_the_skins_are_those_of_the_files() -> None:
    folder = Path(skins.__file__).parent / "assets"
    listed = dict(re.findall(r"`([\w.]+\.jpg)`.*?`([0-9a-f]{64})`", (folder / "LICENSES.md").read_text("utf-8")))
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jpg")}
    assert sum(path.stat().st_size for path in folder.glob("*.jpg")) < 200_000
    for layout in ("open_head", "open_hand"):
        assert skins.skin_picture(layout) is not None
    assert skins.skin_picture("../../secret") is None


def test_a_missing_asset_is_a_sentence_for_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ASSET_FOLDER", tmp_path)
    with pytest.raises(MissingModelError, match=r"head\.npz is missing"):
        store.read_asset("head")
