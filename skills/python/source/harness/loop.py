"""An event loop for `asyncio` that has nothing but timers: there are no sockets to wait for."""

import asyncio
import time


class _Timers:
    """A selector that nothing can be registered with."""

    def select(self, timeout: float | None) -> list[object]:
        if timeout is None:
            raise RuntimeError("every task waits for another: nothing can happen any more")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def close(self) -> None:
        """Nothing is open."""


class Loop(asyncio.BaseEventLoop):
    """Runs tasks and timers."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Timers()

    def _process_events(self, events: list[object]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody else could wake the loop: there are no threads."""


def install() -> None:
    """Makes it the loop that `asyncio.run` and its like use."""
    asyncio.EventLoop = asyncio.runners.events.EventLoop = Loop
    asyncio.new_event_loop = asyncio.events.new_event_loop = Loop
