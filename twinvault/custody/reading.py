"""What every reader of something of a known size shares: a place in it, and going elsewhere."""

import io


class SizedReader(io.RawIOBase):
    """A seekable, read-only stream of `size` bytes, which a subclass sets; it stands at `_at`."""

    size: int
    _at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("cannot seek before the beginning")
        self._at = start + offset
        return self._at

    def end_of(self, size: int | None) -> int:
        """Where a read of `size` bytes from here ends; None and negative numbers ask for the rest."""
        return self.size if size is None or size < 0 else min(self._at + size, self.size)

    def readall(self) -> bytes:
        return self.read()
