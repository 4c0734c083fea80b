"""A network link in user space: does to forwarded packets what tc-netem(8) does, on any kernel.

    python3 -m lab.node.link                        serve until SIGTERM
    python3 -m lab.node.link.control '{"do": …}'    set it, ask it

It shares wan's network namespace. A rule of policy routing sends what comes in on eth0 to a TUN
device; the link reads it, decides, and writes it back, from where it goes on to its receiver.

`tun` knows the kernel's side, `config` the format of the settings, `packet` the headers,
`chance` and `delays` netem's randomness, `rules` the scripted packets, `lane` what befalls a
packet, `queue` when it leaves, `fates` the log; `core` holds these together, `loop` turns it,
`door` and `control` are the two ends of the control socket.
"""
