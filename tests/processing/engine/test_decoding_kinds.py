"""A confined process reads every kind of file that the product reads."""

import io

from PIL import Image as Pillow
from PIL import ImageCms

from processing.engine import media
from processing.engine.decoding import Decoder, open_media
from tests.processing.engine.media_kinds import encode, loop, same, scene, still, yuv


def of_every_kind() -> dict[str, io.BytesIO]:
    """What each part of the libraries has to do with: a confined process can load none of them later."""
    pictures = [scene(seed) for seed in range(3)]
    frames = [yuv(picture) for picture in pictures]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    exif = Pillow.Exif()
    exif[0x0112] = 6
    return {
        "deinterlaced": encode(frames, options={"x264-params": "tff=1"}),
        "hdr": encode([yuv(picture, "yuv420p10le") for picture in pictures], color_trc=16, color_primaries=9, colorspace=9),
        "hevc": encode(frames, codec="libx265", options={"x265-params": "log-level=none"}),
        "vp9": encode(frames, codec="libvpx-vp9", container="webm"),
        "av1": encode(frames, codec="libsvtav1", container="webm"),
        "mpeg-2": encode(frames, codec="mpeg2video", container="mpegts"),
        "motion jpeg": encode([yuv(picture, "yuvj420p") for picture in pictures], codec="mjpeg", container="avi"),
        **{kind: loop(pictures, kind, [40, 50, 60]) for kind in ("GIF", "WEBP", "PNG", "AVIF")},
        **{f"one {kind}": still(pictures[0], kind, exif=exif.tobytes()) for kind in ("JPEG", "TIFF", "HEIF", "AVIF", "WEBP")},
        "one BMP": still(pictures[0], "BMP"),
        "print colours": still(Pillow.fromarray(pictures[0]).convert("CMYK"), "JPEG"),
        "a profile": still(pictures[0], "PNG", icc_profile=profile),
        "two in a JPEG": still(pictures[0], "MPO", save_all=True, append_images=[Pillow.fromarray(pictures[1])]),
    }


def test_every_kind_is_the_same_in_both():
    with Decoder() as decoder:
        for name, source in of_every_kind().items():
            with open_media(source, decoder=decoder) as film:
                there, info = list(film.frames()), film.info
            here = list(media.read_frames(source))
            assert info == media.probe(source), name
            assert len(here) == len(there) > 0, name
            assert all(same(one, other) for one, other in zip(here, there, strict=True)), name
