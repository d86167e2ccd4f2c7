"""How many reports are in a ticket is kept with it: lists are sorted by it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("abuse", "0023_no_mailer_id")]

    operations = [
        migrations.AddField(
            model_name="ticket",
            name="attached_reports_count",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="how many reports are in it, whatever their status: lists are sorted by it",
            ),
        ),
    ]
