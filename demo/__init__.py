"""The demo: an imaginary provider, its customers, its reporters, three weeks of its abuse mail; `run.py` plays it."""
