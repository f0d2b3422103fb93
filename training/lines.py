"""Bounded, streaming lines of plain and .gz files, with one error that names the file and the line.

Every reader of outside data goes through here, so that a truncated archive, a gigabyte without a newline
(or one that only appears on expansion) and bytes that are not UTF-8 all end in a `DataError` and never in a
traceback or an exhausted machine.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

MAX_LINE_BYTES = 8 * 1024 * 1024  # after expansion; far above any line of the dumps we read
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class DataError(Exception):
    """Data from outside cannot be used.

    `str()` is `path:line: message`, or `path: message` where no line is to blame.
    """

    def __init__(self, path: Path, line: int | None, message: str) -> None:
        self.path = path
        self.line = line
        self.message = message
        super().__init__(f"{path}: {message}" if line is None else f"{path}:{line}: {message}")


def read_lines(path: Path, max_bytes: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Yield the lines of `path`, expanded if its name ends in .gz, without their line ends (LF or CRLF).

    Raises DataError when the file cannot be read or expanded, is empty, starts with a byte order mark, or
    holds a line of more than `max_bytes` bytes.
    """
    number = 0
    try:
        with _open(path) as file:
            while line := file.readline(
                max_bytes + 2
            ):  # + 2: a line of exactly max_bytes may still end in CRLF
                number += 1
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                if len(line) > max_bytes:
                    raise DataError(path, number, f"the line is longer than {max_bytes:,} bytes")
                if number == 1 and line.startswith(BYTE_ORDER_MARK):
                    raise DataError(
                        path, 1, "starts with a byte order mark: save the file as UTF-8 without one"
                    )
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(path, number + 1, f"the archive is damaged or incomplete ({error})") from error
    except OSError as error:
        raise DataError(path, None, f"cannot be read ({error.strerror or error})") from error
    if number == 0:
        raise DataError(path, None, "is empty")


def decode_lines(path: Path, encoding: str = "utf-8", max_bytes: int = MAX_LINE_BYTES) -> Iterator[str]:
    """`read_lines` as text. Raises DataError naming the line whose bytes are not valid in `encoding`."""
    for number, line in enumerate(read_lines(path, max_bytes), start=1):
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError as error:
            raise DataError(
                path, number, f"is not valid {encoding.upper()} (byte {error.start + 1})"
            ) from error


def _open(path: Path) -> BinaryIO:
    if path.name.endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
