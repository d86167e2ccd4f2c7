"""The embedded servers, with the real programs."""
