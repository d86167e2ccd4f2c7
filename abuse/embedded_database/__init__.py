"""Django's PostgreSQL engine over the embedded server, which it starts when the first connection is made."""
