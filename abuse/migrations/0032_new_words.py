"""The words of the newest reports, kept apart: a frequent word is found among them without the index of all."""

import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

# Kept whole in the table's own pages: elsewhere, each takes several times as long to read as to be looked through.
KEPT_WHOLE = """
ALTER TABLE abuse_newsearchentry SET (toast_tuple_target = 8160);
"""
FILLED = """
INSERT INTO abuse_newsearchentry (report_id, document)
SELECT report_id, document FROM abuse_searchentry
WHERE report_id > (SELECT max(report_id) FROM abuse_searchentry) - 4000
"""


class Migration(migrations.Migration):

    dependencies = [
        ('abuse', '0031_mentions'),
    ]

    operations = [
        migrations.CreateModel(
            name='NewSearchEntry',
            fields=[
                ('report', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='new_search_entry', serialize=False, to='abuse.report')),
                ('document', django.contrib.postgres.search.SearchVectorField()),
            ],
        ),
        migrations.RunSQL(KEPT_WHOLE, migrations.RunSQL.noop),
        migrations.RunSQL(FILLED, migrations.RunSQL.noop),
    ]
