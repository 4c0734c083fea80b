"""Captures: what went over the wire at each station, and each packet on its way past all."""

SNAPLEN = 192
"""Bytes kept of each frame, if no other number is asked for: all headers, and some of the data."""
