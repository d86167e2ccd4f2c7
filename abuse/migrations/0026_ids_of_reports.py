"""From reports, or a part of its public id, to a ticket, without reading the rows themselves."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # A desk goes on working while its indexes are built.
    atomic = False

    dependencies = [("abuse", "0025_orders_of_tickets")]

    operations = [
        AddIndexConcurrently(
            model_name="report",
            index=models.Index(fields=["provider", "id"], include=("ticket",), name="report_of_provider"),
        ),
        AddIndexConcurrently(
            model_name="report",
            index=models.Index(
                fields=["id"], include=("ticket", "category", "status", "received_date"), name="report_links"
            ),
        ),
        AddIndexConcurrently(
            model_name="ticket",
            index=GinIndex(fields=["public_id"], name="ticket_public_id_part", opclasses=["gin_trgm_ops"]),
        ),
        RemoveIndexConcurrently(model_name="report", name="report_provider"),
    ]
