"""A ticket's `mailer_id` was never set: whether there is a conversation is asked of its mails."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("abuse", "0022_item_lookups")]

    operations = [migrations.RemoveField(model_name="ticket", name="mailer_id")]
