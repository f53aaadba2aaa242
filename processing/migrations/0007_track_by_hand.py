from django.db import migrations, models


def widen(apps, schema_editor):
    """What can still be taken back told of a track only whose it was."""
    for change in apps.get_model("processing", "Change").objects.filter(undone_at=None):
        tracks = change.before["tracks"]
        if any(isinstance(owner, str) for owner in tracks.values()):
            change.before["tracks"] = {track: [owner, False] for track, owner in tracks.items()}
            change.save(update_fields=["before"])


class Migration(migrations.Migration):
    dependencies = [("processing", "0006_judging_dataset")]

    operations = [
        migrations.AddField(
            "track",
            "by_hand",
            models.BooleanField(default=False, help_text="somebody put its person together or took them apart"),
        ),
        migrations.RunPython(widen, migrations.RunPython.noop),
    ]
