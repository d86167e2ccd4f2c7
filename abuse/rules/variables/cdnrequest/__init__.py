"""Facts about a domain whose address only a content network knows. Each class is built with (domain, addresses)."""
