"""Tests of business rules."""
