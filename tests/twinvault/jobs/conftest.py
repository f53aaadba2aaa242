"""Jobs in every state."""

import uuid

import pytest
from django.utils import timezone

from twinvault.jobs.models import Job


@pytest.fixture
def make_job(vault):
    def make(state="running", **more):
        given = {"kind": "analyse_footage", "queue": "cpu", "target_id": uuid.uuid4(), "vault": vault, "title": "Look at a.mp4"}
        if state in {"done", "failed", "stopped"}:
            given |= {"started_at": timezone.now(), "ended_at": timezone.now()}
        return Job.objects.create(**given | {"state": state} | more)

    return make
