"""What a process needs at most that looks through a film, as told by a process of its own.

python -m worker.bench.seeing idle            loads what looking needs, and does nothing
python -m worker.bench.seeing look < FILM     looks through a film, and keeps of each part what is stored of it, as its job does
"""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np

from processing.engine.analysis import AnalysisSettings, analyse
from processing.engine.canonical import canonical_face
from processing.engine.decoding import Decoder, open_media
from processing.engine.detection import FaceDetector
from processing.engine.identity import embed
from processing.engine.mesh import FaceMesh
from processing.engine.pack import PackWriter, dump_descriptors
from twinvault.env import BASE_DIR
from worker.bench.memory import peak_mib


def memory_of(verb: str, content: bytes = b"") -> float:
    """MiB of a fresh process and of the one that decodes for it, without the film itself, which is no part of it elsewhere."""
    command = [sys.executable, "-m", "worker.bench.seeing", verb]
    done = subprocess.run(command, cwd=BASE_DIR, input=content, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])["peak_mib"] - len(content) / 2**20


def main(verb: str) -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    FaceDetector().search(picture)
    FaceMesh()
    embed(picture, (canonical_face().points * [20, -20, 20] + [640, 360, 0]).astype(np.float32))
    decoding = _look_through(io.BytesIO(sys.stdin.buffer.read())) if verb == "look" else 0.0
    sys.stdout.write(json.dumps({"peak_mib": peak_mib() + decoding}) + "\n")


def _look_through(source: io.BytesIO) -> float:
    """MiB that the decoding process needed at most."""
    with Decoder() as decoder:
        with open_media(source, decoder=decoder) as film:
            parts = film.segments()
        for start, end in parts:
            pack = PackWriter(lambda data: None)
            found = []
            for face in analyse(source, AnalysisSettings(), start=start, end=end, decoder=decoder):
                pack.add(face.crop)
                found.append(replace(face, crop=face.crop[:0].copy()))
            dump_descriptors(found)
        return peak_mib(decoder.process_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
