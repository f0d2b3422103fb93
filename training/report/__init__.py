"""The evaluation as one page for people: `write_report(folder, Evaluated(...))`."""

from training.report.insight import expert_use
from training.report.page import PAGE, Evaluated, write_report

__all__ = ["PAGE", "Evaluated", "expert_use", "write_report"]
