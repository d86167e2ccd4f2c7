"""Counting the reports of each customer without reading them."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # A desk goes on working while its indexes are built.
    atomic = False

    dependencies = [("abuse", "0026_ids_of_reports")]

    operations = [
        AddIndexConcurrently(
            model_name="report",
            index=models.Index(fields=["defendant", "status", "category"], name="report_of_defendant"),
        ),
        migrations.AlterField(
            model_name="report",
            name="defendant",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reports",
                to="abuse.defendant",
            ),
        ),
    ]
