"""An `Impairment` made real on `wan`: the shared tc tree, and one module a backend.

Whatever is set is read back from the kernel and compared, since the worst emulator is one that
silently does nothing. `Link` is the door; tc's words are known in here and nowhere else.
"""

from lab.link.link import BACKENDS, Counters, Link, LinkState

__all__ = ["BACKENDS", "Counters", "Link", "LinkState"]
