"""Answers with a part of a stream, so that a player can seek in an encrypted film (RFC 9110, section 14)."""

import re
from datetime import datetime
from typing import BinaryIO

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header, http_date

PIECE = 256 * 1024
_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range that was asked for begins behind the end, or is empty."""


def wanted_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte (both included) that a `Range` header asks for, cut at the end of `size` bytes.

    None where the whole is to be sent: no header, several ranges at once, or one that is no range of bytes, all of which a server
    may answer with the whole. Unsatisfiable where the range lies outside.
    """
    match = _ONE_RANGE.fullmatch(header)
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, size - 1
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(int(last), size - 1) if last else size - 1


def wanted_start(request) -> int:
    """The first byte that a request asks for; 0 where it asks for the whole."""
    match = _ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    return int(match.group(1)) if match and match.group(1) else 0


class _Pieces:
    """The bytes of a reader from `start`, `length` of them; closes the reader when the answer is through or broken off."""

    def __init__(self, reader: BinaryIO, start: int, length: int):
        self._reader, self._left = reader, length
        reader.seek(start)

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        piece = self._reader.read(min(PIECE, self._left)) if self._left else b""
        if not piece:
            raise StopIteration
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._reader.close()


def ranged_response(
    request,
    reader: BinaryIO,
    size: int,
    content_type: str,
    filename: str | None = None,
    download: bool = False,
    etag: str = "",
    modified: datetime | None = None,
) -> HttpResponse | StreamingHttpResponse:
    """200 with the whole, 206 with the part that was asked for, or 416; the reader is closed in every case.

    `reader` is a seekable binary reader of `size` bytes. With `download`, the browser saves it as `filename`. By `etag` (in
    quotes) and `modified` a browser knows that it may go on with what it has; asked by `If-Range` for another, the whole is sent.
    """
    headers = {"Accept-Ranges": "bytes"}
    if etag:
        headers["ETag"] = etag
    if modified:
        headers["Last-Modified"] = http_date(modified.timestamp())
    if disposition := content_disposition_header(download, filename):
        headers["Content-Disposition"] = disposition
    try:
        same = request.headers.get("If-Range", "") in {"", headers.get("ETag"), headers.get("Last-Modified")}
        part = wanted_range(request.headers.get("Range", "") if same else "", size)
    except Unsatisfiable:
        reader.close()
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    first, last = part or (0, size - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        reader.close()
        return HttpResponse(status=status, content_type=content_type, headers=headers)
    return StreamingHttpResponse(
        _Pieces(reader, first, last - first + 1), status=status, content_type=content_type, headers=headers
    )
