"""The referee: every impairment on real netem and on the other backends, compared.

    python -m tests.kernel.referee            prints the table, and writes docs/referee.md

On a kernel without netem it runs in the guest (see tests/kernel/guest). Needs root.

    cases.py    what is compared, and how     judge.py   the statistics
    ground.py   the backends on wan           probe.py   what is sent, and what arrived
    gso.py      the trap of super-packets     page.py    the document
"""
