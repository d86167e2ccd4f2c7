"""Facts about a report. Each class is built with (parsed_email, report, ticket, is_trusted)."""
