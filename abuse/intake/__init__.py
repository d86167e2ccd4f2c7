"""The doors that mails come in by, one file a source. Each hands bytes to `abuse.controllers.inbox` and tells the
source "yours no more" only once the row is committed."""
