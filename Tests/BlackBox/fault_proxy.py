"""A TCP proxy that breaks the network on command: it waits, swallows, slows down or refuses."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from harness import HOST


class FaultProxy:
    """Stands between a core and its database; runs in a thread of its own."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self.port = 0
        self.latency = 0.0
        """Seconds that bytes take in each direction."""
        self._mode = "pass"
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)

        async def listen() -> None:
            self._passing.set()
            server = await asyncio.start_server(self._serve, HOST, 0)
            self.port = int(server.sockets[0].getsockname()[1])
            ready.set()

        self._loop.run_until_complete(listen())
        self._loop.run_forever()

    def set(self, mode: str) -> None:
        """What happens from now on: `pass`; `hold`, a partition: bytes wait, and new connections are not answered;
        `swallow`: bytes are taken and lost for ever; `refuse`, which breaks all connections and takes no new ones.
        """
        def change() -> None:
            self._mode = mode
            if mode == "hold":
                self._passing.clear()
            else:
                self._passing.set()
            if mode == "refuse":
                for writer in list(self._writers):
                    writer.transport.abort()

        self._loop.call_soon_threadsafe(change)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        target: asyncio.StreamWriter | None = None
        try:
            await self._passing.wait()
            if self._mode == "refuse":
                return
            source, target = await asyncio.open_connection(HOST, self._target)
            self._writers.add(target)
            tasks = [asyncio.create_task(self._pump(reader, target)), asyncio.create_task(self._pump(source, writer))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        except OSError:
            pass
        finally:
            for one in (writer, target):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = asyncio.create_task(self._send(queue, writer))
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                if self._mode == "swallow":
                    # Nothing after a hole can be understood: the rest of the connection is lost too.
                    while await reader.read(65536):
                        pass
                    break
                await queue.put((self._loop.time() + self.latency, data))
        if self._mode == "hold":
            await self._passing.wait()
        await queue.put((self._loop.time() + self.latency, b""))
        with contextlib.suppress(asyncio.CancelledError):
            await sender
        sender.cancel()

    async def _send(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._passing.wait()
                if not data:
                    return
                writer.write(data)
                await writer.drain()
