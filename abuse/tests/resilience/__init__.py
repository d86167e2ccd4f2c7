"""Proof, with real servers and real processes that are really killed, that nothing is lost and nothing is doubled."""
