"""HTTP/1.1 as uvicorn reads it with httptools, with an end to how long a request's head may become.

The parser keeps what it has of a head until the head is complete, however long that takes.
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024  # bytes, about: what comes with the head's end is parsed with it


class BoundedHead(HttpToolsProtocol):
    """A connection that is closed with 400 where a head does not end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._heads = 0  # that ended
        self._head_bytes = 0  # of one that has not

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        in_head, heads = self._in_head, self._heads
        super().data_received(data)
        # After a body or a head ended in it, little is known of what follows.
        ended = not in_head or self._heads > heads
        if ended or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD:
            self.send_400_response("The head of the request is too long.")

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._in_head = False
        self._heads += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()
