"""Of live tickets, and of the few that are marked, lists need not read the rows that they leave out or do not show."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # A desk goes on working while its indexes are built.
    atomic = False

    dependencies = [
        ('abuse', '0027_reports_of_customers'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_live_by_id'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['creation_date', 'id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_live_by_creation'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['modification_date', 'id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_live_by_change'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['category', 'id'], include=('status', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_live_by_category'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['-category', 'id'], include=('status', 'priority', 'treated_by', 'confidential', 'alarm'), name='ticket_live_by_category_down'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('escalated', True)), fields=['id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm', 'creation_date', 'modification_date', 'attached_reports_count'), name='ticket_few_escalated'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('moderation', True)), fields=['id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm', 'creation_date', 'modification_date', 'attached_reports_count'), name='ticket_few_moderation'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('confidential', True)), fields=['id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm', 'creation_date', 'modification_date', 'attached_reports_count'), name='ticket_few_confidential'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('alarm', True)), fields=['id'], include=('status', 'category', 'priority', 'treated_by', 'confidential', 'alarm', 'creation_date', 'modification_date', 'attached_reports_count'), name='ticket_few_alarm'),
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_escalated',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_moderation',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_confidential',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_alarm',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_live',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_live_created',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_live_modified',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_live_category',
        ),
        RemoveIndexConcurrently(
            model_name='ticket',
            name='ticket_live_category_down',
        ),
    ]
