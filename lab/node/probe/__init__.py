"""The measuring clients: each runs once, prints one JSON object, and ends.

Clocks: every ``_ns`` is CLOCK_MONOTONIC, which all containers of one host share (they have one
kernel), so a time noted by a client may be subtracted from a time noted by a server.

Exit codes: 0 a report was printed (also after Ctrl-C or SIGTERM, then with
``"interrupted": true``), 1 nothing could be measured, 2 an argument is wrong. Both failures
are one line on stderr.
"""
