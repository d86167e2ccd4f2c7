"""A mail's way from the inbox row to reports and tickets. Read `inbox.py` first."""
