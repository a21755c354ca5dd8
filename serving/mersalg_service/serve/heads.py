"""HTTP/1.1 as uvicorn speaks it by httptools, but for heads without an end: one is cut by its size and its time.

What comes before a call's head is whole has no key yet and no guard but this one.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 2**16
MAX_HEAD_SECONDS: Final = 10.0
"""From a head's first byte to its last."""


class BoundedHeads(HttpToolsProtocol):
    """A connection whose heads end within MAX_HEAD_BYTES and MAX_HEAD_SECONDS, or it is closed.

    One that says nothing at all is closed as one that falls silent between two calls.
    """

    head_bytes = 0
    """Of the head that has begun."""
    in_head = True
    cutting: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for the first byte."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Give the parser no more of a head than is left for it."""
        while data and self.parser is not None and not self.transport.is_closing():
            left = MAX_HEAD_BYTES - self.head_bytes if self.in_head else len(data)
            piece, data = data[:left], data[left:]
            if self.in_head:
                self.head_bytes += len(piece)
                if self.cutting is None:
                    self.cutting = self.loop.call_later(MAX_HEAD_SECONDS, self.cut)
            super().data_received(piece)
            if self.in_head and self.head_bytes >= MAX_HEAD_BYTES:
                self.cut()

    def on_headers_complete(self) -> None:
        """The head is whole: what follows is the body's, which the guards bound."""
        self.in_head, self.head_bytes = False, 0
        self.stop_cutting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next byte is the next head's."""
        self.in_head = True
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time of a head that will not end."""
        self.stop_cutting()
        super().connection_lost(exc)

    def stop_cutting(self) -> None:
        """The head has ended, or the connection has."""
        if self.cutting is not None:
            self.cutting.cancel()
            self.cutting = None

    def cut(self) -> None:
        """Close the connection; nobody has been heard who could be answered."""
        self.stop_cutting()
        self.transport.close()
