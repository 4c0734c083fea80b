"""An `Impairment` made real on `wan`: by the kernel's tc, or by a program of ours beside it.

Whatever is set is read back and compared, since the worst emulator is one that silently does
nothing. `Link` is the door; tc's words are known in here and nowhere else.
"""

from lab.link.lane import Lane
from lab.link.link import BACKENDS, Link
from lab.link.state import Counters, LinkState, Script

__all__ = ["BACKENDS", "Counters", "Lane", "Link", "LinkState", "Script"]
