"""What rules can do with an answer: classes built with (ticket, parsed_email, recipient, category, email_id, actor)."""
