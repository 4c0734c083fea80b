"""Runs tests/kernel on a kernel that has netem: this one, or one booted for the purpose.

    python -m tests.kernel.guest [PYTEST ARGUMENT ...]      the tests, wherever netem is
    python -m tests.kernel.guest --where                    only says where: `host` or `guest`

The guest is User-Mode Linux: a kernel that runs as an ordinary process, with the machine's own
root file system, read-only, as its root. So it has the project, its virtual environment and the
engine's programs as they are, and nothing that happens in it is left behind.

    __main__.py   where the tests run, and with which exit code it ends
    machine.py    boots the guest, passes on what its tests print, ends it whatever happens
    flat.py       the node image in a form that the guest's engine has in 5 s and not in 40
    init          the guest's first and only script: mounts, modules, engine, tests, power off
"""
