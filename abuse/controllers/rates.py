"""How often somebody may do what is dear, counted in Redis by the period; what Redis cannot count is let in."""

from __future__ import annotations

import logging
import time

import redis

from abuse import queues

log = logging.getLogger(__name__)

_PATIENCE = 2.0
"""Seconds that Redis may take to count."""


def seconds_to_wait(what: str, who: int, *, limit: int, period: int) -> int:
    """Count one more; 0 within the limit of the period (seconds), else after how many seconds to come again."""
    now = int(time.time())
    key = f"cerberus:{what}:{who}:{now // period}"
    try:
        with queues.impatient_connection(_PATIENCE).pipeline() as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, 2 * period)
            count = int(pipeline.execute()[0])
    except redis.RedisError as error:
        # The limit guards against a program gone wild; without it the desk still works.
        log.warning("%s are not counted: %s", what, error)
        return 0
    return 0 if count <= limit else period - now % period
