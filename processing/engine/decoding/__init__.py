"""Decoding in a process of its own, with limits: the same calls as `processing.engine.media`."""

from processing.engine.decoding.decoder import Decoder, DecoderDied, Limits
from processing.engine.decoding.isolated import Media, open_media, probe, read_frames, segments

__all__ = ["Decoder", "DecoderDied", "Limits", "Media", "open_media", "probe", "read_frames", "segments"]
