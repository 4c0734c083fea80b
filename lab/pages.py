"""The page of a run, made of what is in its folder and of nothing else."""

from lab.evidence import Evidence
from lab.report.law_page import law_page
from lab.report.scenario_page import scenario_page


def page(found: Evidence) -> str:
    """report.html."""
    if found.result["scenario"] == "tcp-law":
        return law_page(found.result)
    return scenario_page(found.result, found.samples, {}, found.scenario)
