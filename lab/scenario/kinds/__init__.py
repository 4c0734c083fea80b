"""The kinds of measurement, some a module; `lab.scenario.measures` lists them all."""
