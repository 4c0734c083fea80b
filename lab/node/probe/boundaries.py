"""Find out what becomes of the boundaries between sends: are ten sends ten reads?

    python3 -m lab.node.probe.boundaries HOST [--protocol tcp|udp] [--sizes N,N,…] …

TCP carries bytes and keeps no boundaries (RFC 9293, 2.2), so what a read returns is a matter of
when it comes. UDP keeps each datagram by itself (RFC 768); one that fits no packet travels in
fragments, or is refused (EMSGSIZE) where it fits no datagram or must not be fragmented.
"""

import argparse
import array
import errno
import fcntl
import secrets
import socket
import termios
from typing import Any

from lab.node import kernel
from lab.node.probe import options
from lab.node.probe.report import grown
from lab.node.probe.session import (
    MS,
    NS,
    CannotMeasure,
    Progress,
    Stop,
    Waiting,
    main,
    now_ns,
    resolve,
    seconds,
)

MODULE = "lab.node.probe.boundaries"
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_PMTUDISC_DONT = 10, 2, 0  # linux/in.h, ip(7)
IP_MTU = 14
LARGEST = 65_536
LOOK_NS = MS
FRAGMENTS = ("Ip.FragCreates", "Ip.ReasmReqds", "Ip.ReasmOKs", "Ip.ReasmFails")
"""RFC 4293: fragments made, fragments received, and datagrams put together again, or not."""


def tcp(args: argparse.Namespace, waiting: Waiting, address: Any) -> dict[str, object]:
    """Send all at once over one connection and note what each read of the echo returns."""
    total = sum(args.sizes)
    with socket.socket(*address[:2]) as sock:
        sock.setblocking(False)
        if sock.connect_ex(address[2]) == errno.EINPROGRESS:
            waiting.writable(sock)
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise CannotMeasure(f"{args.host}:{args.port}: {errno.errorcode.get(code, code)}")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, args.nodelay)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, args.cork)
        begun_ns = now_ns()
        data = secrets.token_bytes(total)
        _send_all(sock, data, args.sizes, waiting)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)  # what was held back goes out
        if args.late:
            _arrived(sock, total, waiting)
        reads: list[bytes] = []
        while sum(map(len, reads)) < total:
            waiting.readable(sock)
            if not (part := sock.recv(args.read_size)):
                raise CannotMeasure("the server ended the connection")
            reads.append(part)
        sock.shutdown(socket.SHUT_WR)
        took_ns = now_ns() - begun_ns
        waiting.readable(sock)
    return {
        "sends": len(args.sizes),
        "bytes": total,
        "intact": b"".join(reads) == data,
        "reads": len(reads),
        "read_sizes": [len(part) for part in reads],
        "duration_s": seconds(took_ns),
    }


def _send_all(sock: socket.socket, data: bytes, sizes: list[int], waiting: Waiting) -> None:
    """One send for each size, one after the other without a pause."""
    at = 0
    for size in sizes:
        left = memoryview(data)[at : at + size]
        at += size
        while left:
            waiting.writable(sock)
            left = left[sock.send(left) :]


def _arrived(sock: socket.socket, total: int, waiting: Waiting) -> None:
    """Wait until so many bytes lie ready to be read (FIONREAD, tcp(7)), and read none of them."""
    ready = array.array("i", [0])
    while ready[0] < total:
        waiting.readable(sock)
        fcntl.ioctl(sock, termios.FIONREAD, ready)
        waiting.pause(LOOK_NS)


def udp(args: argparse.Namespace, waiting: Waiting, address: Any) -> dict[str, object]:
    """Send datagrams of these sizes without a pause, and note what comes back of each."""
    with socket.socket(*address[:2]) as sock:
        sock.setblocking(False)
        discover = IP_PMTUDISC_DO if args.dont_fragment else IP_PMTUDISC_DONT
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
        sock.connect(address[2])
        begun_ns = now_ns()
        rows = [_send_one(sock, number, size) for number, size in enumerate(args.sizes)]
        expected = sum(row["error"] is None for row in rows)
        reads: list[int] = []
        seen: dict[int, tuple[int, int]] = {}
        try:
            while len(reads) < expected:
                waiting.readable(sock)
                part, _, flags, _ = sock.recvmsg(args.read_size)
                reads.append(len(part))
                if part:
                    seen[part[0]] = (len(part), int(bool(flags & socket.MSG_TRUNC)))
        except TimeoutError:
            pass  # lost, as any may be: told by the sizes
        took_ns = now_ns() - begun_ns
        mtu = sock.getsockopt(socket.IPPROTO_IP, IP_MTU)
    for row in rows:
        size, cut = seen.get(row["number"] % 256, (None, None))
        row |= {"read": size, "cut_off": None if cut is None else bool(cut)}
    return {
        "mtu": mtu,
        "sends": len(args.sizes),
        "sent": expected,
        "refused": len(rows) - expected,
        "reads": len(reads),
        "read_sizes": reads,
        "whole": sum(row["read"] == row["size"] for row in rows),
        "datagrams": rows,
        "duration_s": seconds(took_ns),
    }


def _send_one(sock: socket.socket, number: int, size: int) -> dict[str, Any]:
    """Send one datagram, all of its bytes its number; tell what the kernel said and made of it."""
    before = kernel.counters()
    row: dict[str, Any] = {"number": number, "size": size, "error": None}
    try:
        sock.send(bytes([number % 256]) * size)
    except OSError as error:
        row["error"] = errno.errorcode.get(error.errno or 0, str(error))
    row["fragments"] = grown(before, kernel.counters(), "Ip.FragCreates")["Ip.FragCreates"]
    return row


def measure(args: argparse.Namespace, stop: Stop) -> dict[str, object]:
    """Run the probe as asked and return its report."""
    kind = socket.SOCK_STREAM if args.protocol == "tcp" else socket.SOCK_DGRAM
    family, address = resolve(args.host, args.port, kind)
    before = kernel.counters()
    waiting = Waiting(now_ns() + int(args.timeout * NS), stop)
    Progress(1, wanted=args.progress).tell(0, now_ns())
    try:
        found = {"tcp": tcp, "udp": udp}[args.protocol](args, waiting, (family, kind, address))
    except TimeoutError as error:
        raise CannotMeasure(f"{args.host}: not all came back in {args.timeout:g} s") from error
    except OSError as error:
        raise CannotMeasure(f"{args.host}: {error.strerror}") from error
    return {
        "probe": "boundaries",
        "host": args.host,
        "address": str(address[0]),
        "port": args.port,
        "protocol": args.protocol,
        "read_size": args.read_size,
        "interrupted": stop.asked > 0,
        **found,
        "kernel": grown(before, kernel.counters(), *FRAGMENTS),
    }


def _sizes(text: str) -> list[int]:
    """Read sizes with commas between them."""
    parse = options.integer(1, LARGEST)
    return [parse(part) for part in text.split(",")]


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with exit code 2 when something is wrong with it."""
    parser = options.parser(MODULE, "Sends of some sizes to an echo server, and what is read back.")
    add = parser.add_argument
    add("--protocol", choices=("tcp", "udp"), default="tcp", help="default: tcp")
    add("--sizes", type=_sizes, default=[100] * 10, help="bytes of each; default: ten times 100")
    add(
        "--read-size",
        type=options.integer(1, 1 << 20),
        default=1 << 20,
        help="bytes that one read may return, default: 1048576",
    )
    add("--late", action="store_true", help="TCP: read only when all of the echo has arrived")
    add("--nodelay", action="store_true", help="TCP: no waiting for more to send (TCP_NODELAY)")
    add("--cork", action="store_true", help="TCP: hold back what fills no segment (TCP_CORK)")
    add("--dont-fragment", action="store_true", help="UDP: refuse what fits no packet (ip(7))")
    add(
        "--timeout",
        type=options.number(0.001, 600),
        default=5.0,
        help="seconds for all of it, default: 5",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(MODULE, arguments, measure)
