"""Facts about an answer. Each class is built with (ticket, parsed_email, recipient, category, sender_is_known)."""
