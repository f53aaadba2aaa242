"""Answers what the parent asks, one request after the other, until it hangs up."""

from __future__ import annotations

import socket
import traceback
from dataclasses import asdict
from typing import Any, BinaryIO, cast

from PIL import Image as Pillow

from processing.engine import media
from processing.engine.decoding.remote import Gone, Line, RemoteFile, Stopped
from processing.engine.frames import MediaError
from processing.engine.reading import lend_frames
from processing.engine.sound import heard_seconds

_LONGEST_TRACE = 4000


def serve(line: int, ring: int, seconds: float) -> None:
    talk = Line(socket.socket(fileno=line), ring, seconds)
    while True:
        try:
            request = talk.receive()
            if request[0] in ("probe", "segments", "frames", "heard"):
                _answer(talk, request)
        except Gone:
            return


def _answer(talk: Line, request: list[Any]) -> None:
    talk.begin()
    source = cast(BinaryIO, RemoteFile(talk, request[1]))
    try:
        match request:
            case ["probe", _]:
                talk.send("info", asdict(media.probe(source)))
            case ["segments", _, seconds]:
                talk.send("bounds", media.segments(source, seconds))
            case ["heard", _]:
                talk.send("heard", heard_seconds(source))
            case ["frames", _, arguments]:
                _give_frames(talk, source, arguments)
                talk.send("end")
    except Stopped:
        talk.send("end")
    except MediaError as error:
        talk.send("failed", str(error), _trace())
    except (MemoryError, Pillow.DecompressionBombError):
        talk.send("memory", _trace())
    except Gone:
        raise
    except Exception:
        # The parent knows what to tell whom; it also ends this process.
        talk.send("broken", _trace())


def _give_frames(talk: Line, source: BinaryIO, arguments: dict[str, Any]) -> None:
    pace = talk if arguments.pop("paced") else None
    talk.rate = float(arguments.pop("rate"))
    for given, lent in enumerate(lend_frames(source, **arguments, pace=pace, seen=talk.seen), start=1):
        slot, image = talk.room(lent.height, lent.width, count=1 if lent.still else 2)
        lent.write(image)
        talk.send("frame", slot, lent.index, lent.time, lent.shot, lent.height, lent.width)
        if pace is not None:
            talk.keep_pace(given)


def _trace() -> str:
    return traceback.format_exc()[-_LONGEST_TRACE:]
