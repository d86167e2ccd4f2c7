"""What rules can do about a domain behind a content network. Each class is built with (report, domain, actor)."""
