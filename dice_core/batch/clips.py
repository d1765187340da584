"""Which clips a batch captures, and what their takes are called."""

from __future__ import annotations

import codecs
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dice_core.errors import InputError
from dice_core.media.formats import IMAGE_SUFFIXES, UNREAD_SUFFIXES, VIDEO_SUFFIXES, is_pattern, natural_key
from dice_core.take import Take, find_takes
from dice_core.take.names import TAKE_ENDING, distinct_name, fitting_name
from dice_core.take.source_path import on_another_machine

__all__ = ["PREVIEW", "Clip", "existing_takes", "find_sources", "name_clips", "unread_in"]

PREVIEW = ".preview"
"""What stands before the ending of a preview: it may lie beside footage of the take's name."""

_MORE_VIDEOS = frozenset({".mxf", ".mts", ".m2ts", ".ts", ".wmv", ".flv", ".3gp", ".ogv"})
"""Endings of videos besides those that file browsers offer: what cameras and older programs write."""

_FOOTAGE = IMAGE_SUFFIXES | VIDEO_SUFFIXES | _MORE_VIDEOS

_LARGEST_LIST = 10_000_000
"""Bytes of a list of paths: a hundred thousand long ones. What is larger is some other file."""


@dataclass(frozen=True)
class Clip:
    """One thing to capture.

    source : absolute path of a video, a picture or a folder of images, or a glob pattern of images; name : of its take,
    without the ending.
    """

    source: str
    name: str

    @property
    def title(self) -> str:
        """What a person knows the clip by."""
        return Path(self.source).name


def find_sources(source: Path) -> list[str]:
    """The clips of a shoot, as absolute paths or patterns, each once.

    source : a folder, whose videos and pictures are meant (not what lies in folders inside it), in natural order; or a
    text file with one path in each line, in its order, relative ones beside that file. A line may name whatever can be
    captured, such as a folder of images; empty lines and those that begin with # are left out.
    Raises InputError where there are none, or where it is neither.
    """
    if source.is_dir():
        found = [str((source / name).absolute()) for name in sorted(_footage_in(source), key=natural_key)]
    elif source.is_file():
        if source.suffix.lower() in _FOOTAGE:
            raise InputError(f"{source.name} is footage itself: give its folder, or capture it with dice capture.")
        found = [os.path.abspath(source.parent / line) for line in _lines(source)]
    else:
        raise InputError(f"{source} does not exist: give a folder of clips, or a text file with a path in each line.")
    if not found:
        raise InputError(f"{source} holds no videos and no pictures: give a folder of clips, or a list of their paths.")
    return list(dict.fromkeys(found))


def unread_in(folder: Path) -> list[str]:
    """Names of pictures in a folder that are of kinds that cannot be read, and so are left out; none of a list."""
    if not folder.is_dir():
        return []
    return sorted(name for name in os.listdir(folder) if Path(name).suffix.lower() in UNREAD_SUFFIXES)


def _footage_in(folder: Path) -> list[str]:
    """Names of the videos and pictures in a folder, without the previews of takes that lie there, too."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror or error}): choose another folder.") from error
    made = {name.removesuffix(TAKE_ENDING) + PREVIEW for name in names if name.endswith(TAKE_ENDING)}
    return [
        name
        for name in names
        if Path(name).suffix.lower() in _FOOTAGE
        and not name.startswith(".")
        and Path(name).stem not in made
        and (folder / name).is_file()
    ]


def existing_takes(folder: Path) -> list[Take]:
    """The takes in a folder that can be read."""
    takes = []
    for path in sorted(folder.glob(f"*{TAKE_ENDING}")):
        try:
            takes += find_takes(path)
        except InputError:
            continue  # whoever captures into it is told what is wrong with it
    return takes


def name_clips(
    sources: Sequence[str], takes: Iterable[Take] = (), *, is_same: Callable[[Take, str], bool]
) -> list[Clip]:
    """Give every clip a take of its own, and the one that it already has where there is one.

    takes : those in the output folder; is_same : whether a take was made of a source with the settings in force.
    A take is called after its clip. Where that is the name of another's, the ending, the folder's name or, at last, a
    few digits made of the whole path are added: the same in every run.
    """
    wanted = set(sources)
    own: dict[str, str] = {}
    others: dict[str, str] = {}
    for take in takes:
        source = str(take.info["source"]["path"])
        if source in wanted and is_same(take, source):
            own.setdefault(source, take.name)
        if _is_there(source):  # one that is gone may have been moved: then the capture compares the footage
            others[take.name.casefold()] = source
    candidates = {source: _candidates(source) for source in sources}
    uses = [Counter(names[place].casefold() for names in candidates.values()) for place in range(4)]
    taken = {name.casefold() for name in own.values()}
    clips = []
    for source in sources:
        name = own.get(source) or _free(source, candidates[source], uses, others, taken)
        taken.add(name.casefold())
        clips.append(Clip(source, name))
    return clips


def _is_there(source: str) -> bool:
    """Whether the footage that a take names, which may be a stranger's, is on this machine."""
    return "\0" not in source and not on_another_machine(source) and os.path.lexists(source)


def _free(
    source: str, names: Sequence[str], uses: Sequence[Mapping[str, int]], others: Mapping[str, str], taken: set[str]
) -> str:
    """The first of a clip's names that no other clip and no other footage's take has; the last one is its alone."""
    for name, use in zip(names, uses, strict=True):
        key = name.casefold()
        if use[key] == 1 and key not in taken and others.get(key, source) == source:
            return name
    return names[-1]


def _candidates(source: str) -> tuple[str, str, str, str]:
    """Names for the take of a source, the plainest first."""
    path = Path(source)
    if is_pattern(path.name) and not path.exists():
        path = path.parent  # the images that a pattern means are called after their folder
    stem = path.stem or "capture"
    full = path.name or stem
    longer = f"{path.parent.name or 'root'}-{full}"
    return fitting_name(stem), fitting_name(full), fitting_name(longer), distinct_name(stem, source)


def _lines(file: Path) -> list[str]:
    """The paths in a text file. Raises InputError where it is none."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_LIST + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror or error}): choose another list.") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # what Windows' PowerShell writes
        text = data.decode("utf-16", "replace")
    else:
        text = os.fsdecode(data.removeprefix(codecs.BOM_UTF8))
    if "\0" in text or len(data) > _LARGEST_LIST:
        raise InputError(f"{file} is not a list: give a folder of clips, or a text file with a path in each line.")
    lines = (line.strip() for line in text.split("\n"))
    return [os.path.expanduser(line) for line in lines if line and not line.startswith("#")]
