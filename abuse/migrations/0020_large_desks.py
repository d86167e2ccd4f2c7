"""Indexes for desks with millions of rows: lists are read in their order, and parts of words found."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently, TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    # A desk goes on working while its indexes are built.
    atomic = False

    dependencies = [
        ('abuse', '0019_questions_to_reporters'),
    ]

    operations = [
        TrigramExtension(),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['provider', 'id'], name='report_provider'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['category', 'id'], name='report_category'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['ticket', 'id'], name='report_ticket'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['status', 'id'], name='report_status_id'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['created_at', 'id'], name='report_created_id'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=models.Index(fields=['status', 'category'], name='report_figures'),
        ),
        AddIndexConcurrently(
            model_name='report',
            index=django.contrib.postgres.indexes.GinIndex(fields=['subject'], name='report_subject_part', opclasses=['gin_trgm_ops']),
        ),
        AddIndexConcurrently(
            model_name='reportitem',
            index=django.contrib.postgres.indexes.GinIndex(fields=['raw_item'], name='item_part', opclasses=['gin_trgm_ops']),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['category', 'id'], name='ticket_category'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['treated_by', 'status'], name='ticket_of_operator'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(fields=['creation_date', 'id'], name='ticket_created'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(models.Case(models.When(priority='Low', then=models.Value(0)), models.When(priority='Normal', then=models.Value(1)), models.When(priority='High', then=models.Value(2)), models.When(priority='Critical', then=models.Value(3)), output_field=models.IntegerField()), models.F('id'), name='ticket_urgency'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('escalated', True)), fields=['id'], name='ticket_escalated'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('moderation', True)), fields=['id'], name='ticket_moderation'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('confidential', True)), fields=['id'], name='ticket_confidential'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('alarm', True)), fields=['id'], name='ticket_alarm'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['id'], name='ticket_live'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['creation_date', 'id'], name='ticket_live_created'),
        ),
        AddIndexConcurrently(
            model_name='ticket',
            index=models.Index(condition=models.Q(('status__in', ['Open', 'Answered', 'WaitingAnswer', 'Alarm', 'Paused', 'ActionError', 'Reopened'])), fields=['modification_date', 'id'], name='ticket_live_modified'),
        ),
        migrations.AlterField(
            model_name='report',
            name='category',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='abuse.category'),
        ),
        migrations.AlterField(
            model_name='report',
            name='provider',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='abuse.provider'),
        ),
        migrations.AlterField(
            model_name='report',
            name='ticket',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='abuse.ticket'),
        ),
        migrations.AlterField(
            model_name='ticket',
            name='category',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='abuse.category'),
        ),
        migrations.AlterField(
            model_name='ticket',
            name='treated_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='treated_tickets', to=settings.AUTH_USER_MODEL),
        ),
        RemoveIndexConcurrently(
            model_name='report',
            name='report_created',
        ),
    ]
