"""A description of measures, as `schedule_service_action` takes it."""

from __future__ import annotations

from typing import Any

DESCRIPTION: list[dict[str, Any]] = [
    {
        "defendant": {"legal_form": "corp", "country": "PL"},
        "service_delay_action": [{"action": {"module": "VPS", "level": "9"}, "delay": 1}],
    },
    {
        "defendant": {"legal_form": "indiv", "country": "fr|be"},
        "service_delay_action": [
            {"service": {"type": "dedicated"}, "action": {"module": "VPS", "level": "9"}, "delay": 1},
            {"service": {"type": "vps", "reference": ""}, "action": {"module": "VPS", "level": "1"}, "delay": 3600},
        ],
    },
]
