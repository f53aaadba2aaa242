"""Which service does which kind of job. A handler takes the target's id and the `Work` it reports to."""

from collections.abc import Callable
from uuid import UUID

from acquisition.services import ANALYSE
from generator.learning import train_twin
from generator.productions.making import render_film
from generator.scenes.making import render_scene
from generator.scenes.services import RENDER
from processing.judging import JUDGE, judge_faces
from processing.looking import HELP, analyse_footage, help_look
from processing.scenes import MEASURE, measure_corrections
from templates_library.services import prepare_revision
from twinvault.safe import erasure, exports
from twinvault.safe import services as safe
from worker.work import Work

HANDLERS: dict[str, Callable[[UUID, Work], None]] = {
    ANALYSE: analyse_footage,
    HELP: help_look,
    JUDGE: judge_faces,
    MEASURE: measure_corrections,
    "prepare_template": prepare_revision,
    "train_twin": train_twin,
    "render_film": render_film,
    RENDER: render_scene,
    safe.SEAL: safe.seal_vault,
    safe.FORGET: safe.forget_keys,
    exports.PREPARE: exports.prepare_export,
    erasure.ERASE: erasure.erase,
}
