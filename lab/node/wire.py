"""The first bytes of every probe message, so that a reply is matched and a server can note it.

Layout, network byte order, 20 bytes: magic ``LABP``, run (u32, tells probes apart), number
(u32, counts from 0), sent_ns (u64, CLOCK_MONOTONIC at the sender). What follows is padding
that depends on the number alone, so that every byte of a reply can be checked.
"""

import struct

MAGIC = b"LABP"
HEADER = struct.Struct("!4sIIQ")
