"""What rules can do with a report. Each class is built with (report, ticket, ack_lang, actor)."""
