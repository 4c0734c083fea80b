"""The benchmark: every figure a ratio of two things measured in turn, in one run, on one machine.

    .venv/bin/python -m tests.bench

Three parts: `standing` (lab up against docker compose up), `pacing` (the UDP probe against irtt
and sockperf), `programs` (the echo programs against the plainest one). `page` shows them.
"""
