"""Whole stories, from raw mails to the end of their tickets: real servers, real workers, mails that really arrive."""
