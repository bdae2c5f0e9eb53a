"""A watch over the locks of a database."""

from __future__ import annotations

import subprocess
import threading
import time

from postgres import Cluster


class LockWatch:
    """Looks all the time for locks above SHARE UPDATE EXCLUSIVE on tables, and for how long each is seen."""

    QUERY = ("SELECT l.pid || ' ' || l.relation FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
             "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r' AND "
             "l.granted AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')")

    def __init__(self, cluster: Cluster, database: str) -> None:
        """Starts to look, and returns once it does."""
        self._seen: dict[str, tuple[float, float]] = {}
        self.longest = 0.0
        self._process = subprocess.Popen(
            ["psql", "-X", "-A", "-t", "-q", "-d", cluster.uri(database)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self._end = threading.Event()
        self._looks = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        assert self._looks.wait(60), "nobody looks for locks"

    def _look(self) -> None:
        assert self._process.stdin and self._process.stdout
        while not self._end.is_set():
            self._process.stdin.write(self.QUERY + ";\nSELECT 'end';\n")
            self._process.stdin.flush()
            now = time.monotonic()
            for line in self._process.stdout:
                if line.strip() == "end":
                    break
                begun, last = self._seen.get(line, (now, now))
                self._seen[line] = (begun if now - last < 0.05 else now, now)
                self.longest = max(self.longest, now - self._seen[line][0])
            self._looks.set()
            time.sleep(0.003)

    def stop(self) -> float:
        """Ends, and tells how long the longest was seen, in seconds."""
        self._end.set()
        self._thread.join()
        self._process.kill()
        return self.longest
