"""Tests of abuse.api and of the accounts and commands behind it."""
