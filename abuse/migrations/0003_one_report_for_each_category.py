from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("abuse", "0002_reading_rules_and_tickets"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="report",
            name="report_once_per_mail",
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("email__isnull", False)),
                fields=("email", "defendant", "service", "category"),
                name="report_once_per_mail",
                nulls_distinct=False,
            ),
        ),
    ]
