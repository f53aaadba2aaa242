"""Which service does which kind of job. A handler takes the target's id and the `Work` it reports to."""

from collections.abc import Callable
from uuid import UUID

from acquisition.services import ANALYSE
from generator.base_learning import train_base
from generator.bases import TRAIN_BASE
from generator.learning import train_twin
from generator.productions.making import help_render, render_film
from generator.productions.services import HELP as HELP_RENDER
from generator.productions.services import RENDER
from generator.refresh_learning import refresh_twin
from generator.refreshing import REFRESH_TWIN
from generator.scenes.making import render_scene
from generator.scenes.services import RENDER as RENDER_SCENE
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
    REFRESH_TWIN: refresh_twin,
    TRAIN_BASE: train_base,
    RENDER: render_film,
    HELP_RENDER: help_render,
    RENDER_SCENE: render_scene,
    safe.SEAL: safe.seal_vault,
    safe.FORGET: safe.forget_keys,
    exports.PREPARE: exports.prepare_export,
    erasure.ERASE: erasure.erase,
}
