from __future__ import annotations

import io
import json

import pytest

from dice_core.events import EventWriter, parse_event


class CountingStream(io.StringIO):
    """Notes how many lines were there at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.lines_at_flush: list[int] = []

    def flush(self) -> None:
        self.lines_at_flush.append(self.getvalue().count("\n"))


def test_every_event_is_one_line_that_is_parsed_back() -> None:
    stream = CountingStream()
    events = EventWriter(stream)
    events.started(input="clip.mp4", take="clip.dicetake", frames=60, fps=30.0, resumed=0)
    events.frame(done=3, total=60, fps=12.3456, eta=4.617)
    events.warning("Two lines\nin one sentence, with umlaut: ä.")
    events.error("No.")
    events.done(take="clip.dicetake", frames=60, tracked={"head": 1.0}, touches=2, cancelled=False, unfinished="")
    lines = stream.getvalue().splitlines()
    parsed = [parse_event(line) for line in lines]
    assert [event["event"] for event in parsed if event] == ["started", "frame", "warning", "error", "done"]
    assert parsed[1] == {"event": "frame", "done": 3, "total": 60, "fps": 12.35, "eta": 4.6}
    assert parsed[2] == {"event": "warning", "message": "Two lines\nin one sentence, with umlaut: ä."}
    # Whoever watches sees each at once.
    assert stream.lines_at_flush == [1, 2, 3, 4, 5]


def test_nothing_is_written_without_a_stream() -> None:
    EventWriter().warning("Nobody listens.")


@pytest.mark.parametrize("line", ["", "Trace:", "[1]", "7", "null", '"frame"', '{"event": "other"}', '{"a": 1}', "{"])
def test_other_output_is_not_an_event(line: str) -> None:
    assert parse_event(line) is None


def test_events_end_with_a_newline() -> None:
    assert json.loads('{"event": "error", "message": "x"}') == parse_event('{"event": "error", "message": "x"}\r\n')


@pytest.mark.parametrize(
    "line",
    [
        '{"event": ' + "[" * 60_000,
        '{"event": "frame", "done": ' + '{"a": ' * 9 + "1" + "}" * 10,
        '{"event": "frame", "fps": NaN}',
        '{"event": "frame", "eta": -Infinity}',
        '{"event": "frame", "fps": 1e999}',
        '{"event": "frame", "done": 1' + "0" * 4000 + "}",
        '{"event": "frame", "done": 1' + "0" * 9000 + "}",
        '{"event": "done", "tracked": {"head": [1e300]}}',
        '{"event": ["frame"]}',
        '{"event": {"frame": 1}}',
        '{"event": "warning", "message": "' + "x" * 70_000 + '"}',
    ],
)
def test_events_that_no_worker_sends_are_none(line: str) -> None:
    assert parse_event(line) is None
