"""The columns that segments and tracks took the place of go."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("processing", "0003_one_segment_an_analysis")]

    operations = [
        migrations.RemoveIndex("face", "processing__person__fb3c42_idx"),
        migrations.RemoveField("face", "person"),
        migrations.RemoveConstraint("person", "one_person_a_number"),
        migrations.AlterModelOptions("person", {"verbose_name_plural": "people"}),
        migrations.RemoveField("person", "analysis"),
        migrations.RemoveField("person", "number"),
        migrations.RemoveField("analysis", "descriptors"),
        migrations.RemoveField("analysis", "pack"),
        migrations.AlterField(
            "person",
            "vault",
            models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="people", to="vaults.vault"),
        ),
        migrations.AlterField(
            "person",
            "who",
            models.CharField(
                choices=[
                    ("unknown", "not yet said"),
                    ("subject", "the subject"),
                    ("unsure", "not sure"),
                    ("other", "someone else"),
                ],
                default="unknown",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            "face",
            "track",
            models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="faces", to="processing.track"),
        ),
        migrations.AddIndex("change", models.Index(fields=["vault", "made_by", "undone_at"], name="processing__vault_i_dd1849_idx")),
        migrations.AddIndex("face", models.Index(fields=["track", "state"], name="processing__track_i_7db404_idx")),
        migrations.AddIndex("person", models.Index(fields=["vault", "who"], name="processing__vault_i_f0296d_idx")),
        migrations.AddConstraint(
            "segment",
            models.UniqueConstraint(
                condition=models.Q(("analysis", None)), fields=("footage", "number"), name="one_segment_a_number_in_a_look"
            ),
        ),
        migrations.AddConstraint(
            "track", models.UniqueConstraint(fields=("segment", "number"), name="one_track_a_number")
        ),
    ]
