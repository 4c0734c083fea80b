"""What a scenario's settings are, in words that a report can show. Pure."""

from typing import Any

from lab.scenario.model import Scenario, Setting


def told(scenario: Scenario) -> dict[str, Any]:
    """`clients`, and `settings`: by case impairments, schedule, how many rules, seed and route.

    Plain data for the result of a run, each value as it would be typed.
    """
    return {
        "clients": scenario.clients,
        "settings": [_setting(setting) for setting in scenario.settings],
    }


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "case": setting.case.name,
        "impairments": {
            f"{client} {direction.label}" if client else direction.label: str(impairment)
            for client, ways in setting.impairments.items()
            for direction, impairment in ways.items()
            if not impairment.is_clear
        },
        "schedule": [str(step) for step in setting.schedule.steps] if setting.schedule else [],
        "rules": len(setting.script.rules),
        "seed": setting.script.seed,
        "route": " ".join(setting.route),
        "starts_s": {
            measure.name: measure.start_ms / 1000
            for group in setting.groups
            for measure in group
            if measure.start_ms
        },
    }
