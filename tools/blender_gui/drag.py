"""A file manager's side of drag and drop on X11 (XDND, version 5): files let go over a pixel of the screen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.protocol import event

__all__ = ["drop_files"]

_VERSION = 5
_URI_LIST = "text/uri-list"
# Seconds that the window below may take for each of its answers.
_PATIENCE = 5.0


def drop_files(paths: list[Path], x: int, y: int) -> None:
    """Drag files onto a pixel, counted from the top left, and let go of them there.

    Raises TimeoutError where the window there does not take them.
    """
    source = _Source(paths)
    try:
        source.drop(x, y)
    finally:
        source.display.close()


class _Source:
    """The window that files are dragged from."""

    def __init__(self, paths: list[Path]) -> None:
        self.uris = "".join(path.resolve().as_uri() + "\r\n" for path in paths).encode()
        self.display = Display()
        self.root = self.display.screen().root
        self.window = self.root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        self.window.set_selection_owner(self._atom("XdndSelection"), X.CurrentTime)

    def drop(self, x: int, y: int) -> None:
        """Enter the window there, move to the pixel until the window accepts, let go, and hand over the paths."""
        target = self._window_at()
        self.root.warp_pointer(x, y)
        self._tell(target, "XdndEnter", [_VERSION << 24, self._atom(_URI_LIST), 0, 0])
        place = [0, x << 16 | y, X.CurrentTime, self._atom("XdndActionCopy")]
        end, accepted = time.monotonic() + _PATIENCE, False
        while not accepted:
            self._tell(target, "XdndPosition", place)
            accepted = bool(self._answer("XdndStatus").data[1][1] & 1)
            if time.monotonic() > end:
                raise TimeoutError("the window does not take the files")
        self._tell(target, "XdndDrop", [0, X.CurrentTime, 0, 0])
        self._answer("XdndFinished")

    def _window_at(self) -> Any:
        """The top window, which says by a property that it takes what is dropped."""
        aware = self._atom("XdndAware")
        found = [w for w in self.root.query_tree().children if w.get_full_property(aware, X.AnyPropertyType)]
        if not found:
            raise TimeoutError("no window takes files")
        return found[-1]

    def _tell(self, target: Any, message: str, data: list[int]) -> None:
        said = event.ClientMessage(window=target, client_type=self._atom(message), data=(32, [self.window.id, *data]))
        target.send_event(said)
        self.display.flush()

    def _answer(self, message: str) -> Any:
        """The next message of that kind; requests for the paths are answered meanwhile."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if not self.display.pending_events():
                time.sleep(0.01)
                continue
            got = self.display.next_event()
            if got.type == X.SelectionRequest:
                self._hand_over(got)
            elif got.type == X.ClientMessage and got.client_type == self._atom(message):
                return got
        raise TimeoutError(f"no {message} from the window")

    def _hand_over(self, request: Any) -> None:
        """Write what was asked for into the property that the other window names."""
        given = request.property
        if request.target == self._atom("TARGETS"):
            request.requestor.change_property(request.property, Xatom.ATOM, 32, [self._atom(_URI_LIST)])
        elif request.target == self._atom(_URI_LIST):
            request.requestor.change_property(request.property, request.target, 8, self.uris)
        else:
            given = X.NONE
        request.requestor.send_event(
            event.SelectionNotify(
                time=request.time,
                requestor=request.requestor,
                selection=request.selection,
                target=request.target,
                property=given,
            )
        )
        self.display.flush()

    def _atom(self, name: str) -> int:
        atom: int = self.display.intern_atom(name)
        return atom
