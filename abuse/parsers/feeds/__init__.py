"""Feeds: tables of events, from a list of ten addresses to a million rows, read row by row.

Start with `finding.py` (what the flow asks), then `sniffing.py` (what a table's columns mean) and `rows.py`.
"""
