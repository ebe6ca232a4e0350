"""Hyperparameter studies and ablations of self-supervised learning.

The public API is what this module lists; names are imported when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ablate.api import check as check
    from ablate.api import epochs as epochs
    from ablate.api import launch as launch
    from ablate.api import load_encoder as load_encoder
    from ablate.api import logs as logs
    from ablate.api import plan as plan
    from ablate.api import report as report
    from ablate.api import status as status
    from ablate.api import stop as stop
    from ablate.api import sync as sync
    from ablate.api import trials as trials
    from ablate.driver.status import Status as Status
    from ablate.driver.summary import Summary as Summary
    from ablate.errors import AblateError as AblateError
    from ablate.errors import DataError as DataError
    from ablate.errors import Interrupted as Interrupted
    from ablate.errors import ServiceError as ServiceError
    from ablate.errors import StudyError as StudyError
    from ablate.errors import TrialError as TrialError
    from ablate.events import State as State
    from ablate.planning.plan import Plan as Plan
    from ablate.reporting.report import Report as Report
    from ablate.study.model import Study as Study
    from ablate.study.read import read_study as read_study

MODULES = {  # public name → its module
    "AblateError": "ablate.errors",
    "DataError": "ablate.errors",
    "Interrupted": "ablate.errors",
    "Plan": "ablate.planning.plan",
    "Report": "ablate.reporting.report",
    "ServiceError": "ablate.errors",
    "State": "ablate.events",
    "Status": "ablate.driver.status",
    "Study": "ablate.study.model",
    "StudyError": "ablate.errors",
    "Summary": "ablate.driver.summary",
    "TrialError": "ablate.errors",
    "check": "ablate.api",
    "epochs": "ablate.api",
    "launch": "ablate.api",
    "load_encoder": "ablate.api",
    "logs": "ablate.api",
    "plan": "ablate.api",
    "read_study": "ablate.study.read",
    "report": "ablate.api",
    "status": "ablate.api",
    "stop": "ablate.api",
    "sync": "ablate.api",
    "trials": "ablate.api",
}

__all__ = sorted(MODULES)


def __getattr__(name: str) -> Any:
    """Import the module of a public name when it is first used."""
    if name in MODULES:
        return getattr(importlib.import_module(MODULES[name]), name)
    raise AttributeError(f"module 'ablate' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
