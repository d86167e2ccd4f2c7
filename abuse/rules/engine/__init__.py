"""The business-rules engine: conditions over named variables, and actions when they hold.

A rule is a document (see `document`), checked in full against a `catalogue` of variables and actions when it is loaded,
then evaluated (`evaluate`) over the `facts` of one report or answer, with a trace that says why it matched or not.
Documents written for the business-rules library of venmo load as they are, and its decorator names are kept.

The engine is pure: it knows nothing of the database, the web or the queue.
"""
