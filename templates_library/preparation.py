"""What is done once for a template, so that films only encode, decode and blend: its face is followed through every frame.

The track (npz) holds
    landmarks   float32 (T, 468, 3)  pixels, smoothed; a row for every frame of the film
    present     bool (T,)            whether the face is there, gaps of up to a second filled
    embeddings  float32 (M, 128)     of the actor, to measure a swap against
    offset, length  int64 (N,)       where each crop for learning lies in the pack
    moment      float64 (N,)         when it was seen, seconds
    in_crop     float32 (N, 468, 2)  its landmarks as they were seen, pixels of the crop
"""

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from processing.datasets import APART, Faces, empty
from processing.engine.analysis import AnalysisSettings, FaceObservation, analyse
from processing.engine.canonical import CROP_SIZE, apply, hull_mask
from processing.engine.filtering import Reason, judge
from processing.engine.identity import group
from processing.engine.media import MediaError, read_frames
from processing.engine.pack import PackWriter, decode_crop, tabulate
from processing.engine.tracking import fill_gaps, join_track, smooth_landmarks
from templates_library.models import TemplateRevision
from twinvault.audit.record import record
from twinvault.custody import objects
from twinvault.jobs.services import JobRefused
