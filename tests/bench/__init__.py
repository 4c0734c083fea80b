"""The benchmark: every figure a ratio of two things measured in turn, in one run, on one machine.

    .venv/bin/python -m tests.bench

Parts: `standing` (lab up against docker compose up), `captures` (reading and joining against
dpkt's reading), `pacing` (the UDP probe against irtt and sockperf), `userspace` (the link),
`programs` (the echo programs against the plainest one). `page` shows them.
"""
