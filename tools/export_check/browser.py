"""three.js in a headless Chromium: a page of this folder reads the files and posts what it finds."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["read_with_three"]

_PAGE = Path(__file__).parent
_TYPES = {".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript", ".json": "application/json"}
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, *arguments: Any, state: dict[str, Any]) -> None:
        self._state = state
        super().__init__(*arguments)

    def do_GET(self) -> None:
        _, folder, rest = (*self.path.split("/", 2), "")[:3]
        if self.path == "/jobs.json":
            self._answer(json.dumps(self._state["jobs"]).encode(), ".json")
        elif folder in self._state["folders"] and (path := self._state["folders"][folder] / rest).is_file():
            self._answer(path.read_bytes(), path.suffix)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/done":
            self._state["done"].set()
        else:
            self._state["results"].append(json.loads(body))
        self._answer(b"", ".json")

    def _answer(self, body: bytes, suffix: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", _TYPES.get(suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


def read_with_three(
    jobs: list[dict[str, Any]], files: Path, modules: Path, chromium: str, seconds: float
) -> dict[str, dict[str, Any]]:
    """What three.js finds in each file, by the job's id.

    jobs : {"id", "url" as /files/NAME, "seconds": [...], "view": None or what the picture shows}; files : their folder;
    modules : `node_modules` with three; seconds : at most until all are read.
    Raises TimeoutError where that is not enough.
    """
    state: dict[str, Any] = {
        "jobs": jobs,
        "folders": {"files": files, "modules": modules, "page": _PAGE},
        "results": [],
        "done": threading.Event(),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, state=state))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        url = f"http://127.0.0.1:{server.server_address[1]}/page/page.html"
        browser = subprocess.Popen(
            [chromium, *_FLAGS, f"--user-data-dir={profile}", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            if not state["done"].wait(seconds):
                raise TimeoutError(f"three.js read {len(state['results'])} of {len(jobs)} files in {seconds:.0f} s.")
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()
    return {result["id"]: result for result in state["results"]}
