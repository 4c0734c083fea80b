# Doors, no logic. What they do stands in lab/setup.sh and in the command `lab`.

LAB = .venv/bin/lab

.PHONY: help lab-up lab-down demo test test-netem referee lint bench lessons pictures

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

lab-up: ## install what is missing, bring the lab up
	@lab/setup.sh
	@$(LAB) up

lab-down: ## take every lab away
	@$(LAB) down --all

demo: ## the main experiment: what UDP drops and TCP repairs, with a report
	@lab/setup.sh
	@$(LAB) up
	@$(LAB) run loss

# The lessons run every experiment, and have the machine to themselves.
test: ## all tests, all set-up included
	@lab/setup.sh dev
	@.venv/bin/python -m pytest tests/lessons
	@.venv/bin/python -m pytest -n 2 --dist worksteal --ignore tests/lessons

test-netem: ## the tests that take a kernel with netem, on this one or on one booted for them
	@lab/setup.sh netem
	@.venv/bin/python -m tests.kernel.guest

referee: ## every backend against real netem, as a table: docs/referee.md
	@lab/setup.sh netem
	@.venv/bin/python -m tests.kernel.referee

lint: ## ruff and mypy --strict
	@lab/setup.sh dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

bench: ## ratios against other tools, measured in one run
	@lab/setup.sh dev
	@.venv/bin/python -m tests.bench

lessons: ## write the output and the pictures in the lessons anew, in both languages
	@lab/setup.sh dev
	@.venv/bin/python -m tests.lessons.refresh

pictures: ## run what the README shows, and take its pictures anew
	@lab/setup.sh dev
	@.venv/bin/python -m tests.browser.pictures
