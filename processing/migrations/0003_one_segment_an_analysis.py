"""What was seen before becomes one segment, in which every person has one track.

By itself, since PostgreSQL changes no table whose rows were written in the same transaction.
"""

from django.db import migrations
from django.utils import timezone


def one_segment_an_analysis(apps, _schema_editor):
    Analysis, Segment, Person, Track, Face = (
        apps.get_model("processing", name) for name in ("Analysis", "Segment", "Person", "Track", "Face")
    )
    for analysis in Analysis.objects.select_related("footage").iterator():
        seconds = analysis.footage.seconds or 0.0
        segment = Segment.objects.create(
            footage=analysis.footage,
            analysis=analysis,
            number=0,
            starts=0.0,
            descriptors_id=analysis.descriptors_id,
            pack_id=analysis.pack_id,
            frames_seen=analysis.frames_seen,
            reached=seconds,
            looked_at=analysis.created_at,
        )
        for person in Person.objects.filter(analysis=analysis):
            track = Track.objects.create(segment=segment, person=person, number=person.number, starts=0.0, ends=seconds)
            Face.objects.filter(person=person).update(track=track)
            person.vault_id = analysis.footage.vault_id
            person.erased_at = timezone.now() if person.who == "other" else None
            person.save(update_fields=["vault", "erased_at"])


class Migration(migrations.Migration):
    dependencies = [("processing", "0002_segments_tracks_people")]
    operations = [migrations.RunPython(one_segment_an_analysis, migrations.RunPython.noop)]
