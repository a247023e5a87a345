"""What code prints, kept up to a limit; the rest is counted and thrown away."""

import io
import sys

from harness import shown


class Kept(io.RawIOBase):
    """Keeps the first bytes written to it."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self.mode = "wb"
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._cut = 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        with memoryview(data) as view:
            size = view.nbytes
            room = self._limit - self._size
            if room > 0:
                part = view.cast("B")[:room].tobytes()
                self._parts.append(part)
                self._size += len(part)
            self._cut += max(0, size - max(0, room))
        return size

    def close(self) -> None:
        """Does nothing: what the code closes is still to be read."""

    def text(self) -> str:
        """What is kept, and how much is not."""
        data = b"".join(self._parts)
        # A character may be cut in two at the end.
        text = data.decode("utf-8", "ignore" if self._cut else "backslashreplace")
        kept = shown.fit(text, self._limit)
        cut = self._cut + len(text.encode()) - len(kept.encode())
        if not cut:
            return kept
        return f"{kept}\n[{cut:,} more bytes of {self.name} are cut off]\n"


class Streams:
    """Both outputs of a run, in the place of the interpreter's own."""

    def __init__(self) -> None:
        self.out = Kept("stdout", shown.STDOUT)
        self.err = Kept("stderr", shown.STDERR)
        # Held here as well, because the code may put others in their place or none.
        self._out = _writer(self.out)
        self._err = _writer(self.err)
        # Each line of errors goes out at once, as everywhere.
        self._err.reconfigure(line_buffering=True)
        sys.stdout = sys.__stdout__ = self._out
        sys.stderr = sys.__stderr__ = self._err
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")

    def texts(self) -> tuple[str, str]:
        """What was written to both."""
        for writer in (self._out, self._err):
            try:
                writer.flush()
            except (ValueError, AttributeError):
                pass  # closed or taken apart by the code; what it wrote before has gone out
        return self.out.text(), self.err.text()


def _writer(kept: Kept) -> io.TextIOWrapper:
    buffered = io.BufferedWriter(kept, 4096)
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", newline="\n")
