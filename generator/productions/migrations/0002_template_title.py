"""A film keeps its template's title, since an imported one may have no template here."""

import django.db.models.deletion
from django.db import migrations, models


def fill(apps, _schema_editor):
    film = apps.get_model("productions", "Film")
    for row in film.objects.select_related("revision__template").iterator():
        film.objects.filter(id=row.id).update(template_title=row.revision.template.title)


class Migration(migrations.Migration):
    dependencies = [("productions", "0001_initial"), ("templates_library", "0001_initial")]

    operations = [
        migrations.AddField("film", "template_title", models.CharField(default="", max_length=120)),
        migrations.AlterField(
            "film",
            "revision",
            models.ForeignKey(
                help_text="empty for a film that was imported and whose template is not in this library",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="films",
                to="templates_library.templaterevision",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
