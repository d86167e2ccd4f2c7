"""What workers do: each function takes ids or nothing and makes one call.

Any program may enqueue `abuse.tasks.<module>.<function>` with plain RQ; nothing outside of this package is ever run.
"""
