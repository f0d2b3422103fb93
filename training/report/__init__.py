"""Evaluation and training as one page each, for people.

write_report(folder, Evaluated(...))        write_training_report(run, "Films")
"""

from training.report.insight import expert_use
from training.report.page import PAGE, Evaluated, write_report
from training.report.training_page import write_training_report

__all__ = ["PAGE", "Evaluated", "expert_use", "write_report", "write_training_report"]
