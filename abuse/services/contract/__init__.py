"""What every implementation of a service must do, as checks that run against any class.

The tests run them against all classes that come with Cerberus, `check-service` against one of the operator's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import action, crm, email, kpi, phishing, reputation, search, storage
from .checking import Broken, Check, Finding, Subject, fault_of, run_checks

CHECKS: Mapping[str, tuple[Check, ...]] = {
    "ActionServiceBase": action.CHECKS,
    "CRMServiceBase": crm.CHECKS,
    "EmailServiceBase": email.CHECKS,
    "KPIServiceBase": kpi.CHECKS,
    "PhishingServiceBase": phishing.CHECKS,
    "ReputationServiceBase": reputation.CHECKS,
    "SearchServiceBase": search.CHECKS,
    "StorageServiceBase": storage.CHECKS,
}
"""The checks of each contract, by the name of its class."""

__all__ = ["CHECKS", "Broken", "Check", "Finding", "Subject", "fault_of", "run_checks"]
