"""A film that misses its marks is held back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("productions", "0002_template_title")]

    operations = [
        migrations.AlterField(
            "film",
            "state",
            models.CharField(
                choices=[("ordered", "being made"), ("ready", "ready"), ("held", "held back"), ("revoked", "revoked")],
                default="ordered",
                max_length=10,
            ),
        ),
        migrations.AddField(
            "film",
            "missed",
            models.JSONField(default=list, help_text="names of the measures for which it was held back, of generator.marks"),
        ),
        migrations.AddField(
            "film",
            "released_because",
            models.CharField(
                blank=True,
                choices=[
                    ("looks right", "We have looked at it, and it looks right to us"),
                    ("only footage", "There is no more footage, and this is the best that can be had"),
                    ("family only", "It is for ourselves alone, and we know what it lacks"),
                ],
                default="",
                help_text="empty unless it had been held back",
                max_length=20,
            ),
            preserve_default=False,
        ),
    ]
