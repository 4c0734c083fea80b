"""Captures: what went over the wire at each station, and each packet on its way past all."""
