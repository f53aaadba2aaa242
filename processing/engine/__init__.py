"""Seeing faces: from bytes of a film or still to faces that are found, followed, described, named and judged.

Pure functions on arrays; nothing here knows Django or touches the disk.
"""

from processing.engine.analysis import AnalysisSettings, FaceObservation, analyse
from processing.engine.canonical import CROP_SIZE, apply, canonical_face, crop_matrix, hull_mask, invert, warp
from processing.engine.descriptors import Descriptors, describe
from processing.engine.detection import Detection, FaceDetector
from processing.engine.filtering import Reason, Thresholds, Verdict, judge, subject_tracks, track_embeddings
from processing.engine.identity import SAME_PERSON, WeightsMissing, distance, embed, group
from processing.engine.media import Frame, MediaError, MediaInfo, Pace, probe, read_frames, segments
from processing.engine.mesh import FaceMesh, Landmarks
from processing.engine.models import ModelsMissing
from processing.engine.pack import (
    DescriptorTable,
    PackWriter,
    decode_crop,
    dump_descriptors,
    encode_crop,
    load_descriptors,
    tabulate,
)
from processing.engine.pose import head_pose
from processing.engine.segmentation import Segmenter, cut_out, decode_mask, encode_mask
from processing.engine.tracking import Tracker, fill_gaps, join_track, smooth_landmarks

__all__ = [
    "CROP_SIZE",
    "SAME_PERSON",
    "AnalysisSettings",
    "DescriptorTable",
    "Descriptors",
    "Detection",
    "FaceDetector",
    "FaceMesh",
    "FaceObservation",
    "Frame",
    "Landmarks",
    "MediaError",
    "MediaInfo",
    "ModelsMissing",
    "Pace",
    "PackWriter",
    "Reason",
    "Segmenter",
    "Thresholds",
    "Tracker",
    "Verdict",
    "WeightsMissing",
    "analyse",
    "apply",
    "canonical_face",
    "crop_matrix",
    "cut_out",
    "decode_crop",
    "decode_mask",
    "describe",
    "distance",
    "dump_descriptors",
    "embed",
    "encode_crop",
    "encode_mask",
    "fill_gaps",
    "group",
    "head_pose",
    "hull_mask",
    "invert",
    "join_track",
    "judge",
    "load_descriptors",
    "probe",
    "read_frames",
    "segments",
    "smooth_landmarks",
    "subject_tracks",
    "tabulate",
    "track_embeddings",
    "warp",
]
