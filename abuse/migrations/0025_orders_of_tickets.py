"""The numbers of reports in tickets, once, and an index for each order of their lists, with what they are chosen by."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

COUNT = """
UPDATE abuse_ticket AS ticket SET attached_reports_count = counted.reports
FROM (
    SELECT ticket_id, count(*) AS reports FROM abuse_report WHERE ticket_id IS NOT NULL GROUP BY ticket_id
) AS counted
WHERE ticket.id = counted.ticket_id AND ticket.attached_reports_count <> counted.reports
"""


class Migration(migrations.Migration):
    # A desk goes on working while its indexes are built.
    atomic = False

    dependencies = [
        ('abuse', '0024_reports_of_tickets'),
    ]

    operations = [
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['category', 'id'], include=('status', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_category'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['-category', 'id'], include=('status', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_category_down'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['status', 'id'], include=('category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_status'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['-status', 'id'], include=('category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_status_down'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(models.Case(models.When(priority='Low', then=models.Value(0)), models.When(priority='Normal', then=models.Value(1)), models.When(priority='High', then=models.Value(2)), models.When(priority='Critical', then=models.Value(3)), output_field=models.IntegerField()), models.F('id'), include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_urgency'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(models.OrderBy(models.Case(models.When(priority='Low', then=models.Value(0)), models.When(priority='Normal', then=models.Value(1)), models.When(priority='High', then=models.Value(2)), models.When(priority='Critical', then=models.Value(3)), output_field=models.IntegerField()), descending=True), models.F('id'), include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_urgency_down'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['attached_reports_count', 'id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_reports'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['-attached_reports_count', 'id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_reports_down'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['creation_date', 'id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_creation'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['modification_date', 'id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_by_change'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['treated_by', 'id'], include=('status', 'category', 'priority', 'confidential', 'alarm'), name='ticket_by_operator'),
        ),
        migrations.AlterField(
            model_name='ticket',
            name='defendant',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='abuse.defendant'),
        ),
        migrations.AlterField(
            model_name='ticket',
            name='modification_date',
            field=models.DateTimeField(),
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_category',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_of_operator',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_created',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_urgency',
        ),
    ]
