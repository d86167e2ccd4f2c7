"""Indexes for the orders of lists that go down, and for what is to be done next."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # A desk goes on working while its indexes are built.
    atomic = False

    dependencies = [
        ('abuse', '0020_large_desks'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['-received_date', '-id'], include=('category', 'status'), name='report_newest'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['-ticket', 'id'], include=('category', 'status'), name='report_ticket_down'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['-category', 'id'], include=('status',), name='report_category_down'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['-status', 'id'], include=('category',), name='report_status_down'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['-provider', 'id'], include=('category', 'status'), name='report_provider_down'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['category', 'id'], name='ticket_live_category'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['-category', 'id'], name='ticket_live_category_down'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['status', 'priority', 'modification_date', 'id'], include=('treated_by', 'category', 'confidential', 'escalated', 'moderation', 'defendant'), name='ticket_todo'),
        ),
        RemoveIndexConcurrently(
            model_name='report',
            name='report_by_date',
        ),
    ]
