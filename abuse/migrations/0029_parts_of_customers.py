"""Indexes for parts of customers' ids and addresses."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    # A desk goes on working while its indexes are built.
    atomic = False

    dependencies = [
        ('abuse', '0028_few_tickets'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='defendant',
            index=django.contrib.postgres.indexes.GinIndex(fields=['customer_id'], name='customer_id_part', opclasses=['gin_trgm_ops']),
        ),
        AddIndexConcurrently(
            model_name='defendantrevision',
            index=django.contrib.postgres.indexes.GinIndex(fields=['email'], name='customer_email_part', opclasses=['gin_trgm_ops']),
        ),
    ]
