"""`tessera top` and `tessera bench` as an operator runs them."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import HOST, Server, binary

PAGE = b"""tessera_requests_total{operation="refreshSession",outcome="ok"} 100
tessera_build_info{version="9.9"} 1
tessera_storage_up 1
"""


class Page(BaseHTTPRequestHandler):
    """A page of metrics."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 404)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=60, env=dict(os.environ))


def test_top() -> None:
    """One frame, plain, of any page; frames without control characters where nobody's terminal reads; what is wrong is said."""
    with ThreadingHTTPServer((HOST, 0), Page) as pages:
        thread = threading.Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://{HOST}:{pages.server_address[1]}"
        once = run("top", f"{url}/metrics", "--once")
        missing = run("top", url, "--once")
        with subprocess.Popen([str(binary()), "top", f"{url}/metrics", "--interval", "1"], stdout=subprocess.PIPE, text=True) as top:
            assert top.stdout
            seen = ""
            while seen.count("tessera 9.9") < 2:
                line = top.stdout.readline()
                assert line, "top has ended"
                seen += line
            top.kill()
        pages.shutdown()
        thread.join()
    assert once.returncode == 0 and once.stdout.startswith("tessera 9.9") and "storage up" in once.stdout
    assert "\x1b" not in seen
    assert missing.returncode == 1 and "404" in missing.stderr
    nothing = run("top", f"http://{HOST}:1/metrics", "--once")
    assert nothing.returncode == 1 and "metrics_listen" in nothing.stderr


def test_bench() -> None:
    """A closed and an open loop on a core; a server that is away is a failure and no hang."""
    with Server() as server:
        url = f"http://{HOST}:{server.port}/hello"
        closed = run("bench", url, "--duration", "1", "--warm-up", "0", "--connections", "2")
        opened = run("bench", url, "--duration", "1", "--warm-up", "0", "--connections", "4", "--rate", "50")
        missing = run("bench", f"http://{HOST}:{server.port}/none", "--duration", "1", "--warm-up", "0", "--connections", "1", "--rate", "5")
    assert closed.returncode == 0 and "closed loop" in closed.stdout and "corrected" in closed.stdout
    assert opened.returncode == 0 and "open loop at 50/s" in opened.stdout
    count = re.search(r"^([\d,]+) answers", opened.stdout, re.M)
    assert count and int(count[1]) == 50, "every request that was due in the second is counted, however slow the machine"
    assert missing.returncode == 1 and "404: 5" in missing.stdout
    away = run("bench", f"http://{HOST}:1/", "--duration", "1", "--warm-up", "0", "--connections", "1")
    assert away.returncode == 1 and "no answer" in away.stdout
