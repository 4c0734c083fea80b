"""One thread, a coroutine per connection: reads like threads, runs like selectors

Where it breaks: one coroutine that computes or blocks without `await` stops everybody, and one
processor is all it uses. `write` never waits, it piles up: without `drain` a client that does
not read fills the memory. Scenarios: `c10k`, `slow-reader`.
"""

import asyncio
import socket

from lab.node.echo.program import CHUNK, announce, complain, serve
from lab.node.tally import Tally


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tally: Tally) -> None:
    """Serve one client to its end."""
    tally.connected()
    writer.transport.set_write_buffer_limits(high=0)
    try:
        while data := await reader.read(CHUNK):
            tally.received(len(data))
            writer.write(data)
            await writer.drain()  # until the kernel has taken it all (high=0): back-pressure
            tally.sent(len(data))
        writer.close()  # after what is still in its buffer
        await writer.wait_closed()
    except OSError as error:  # reset or timed out: this client's end, not ours
        complain(error)
        writer.transport.abort()


async def stream_server(host: str, port: int, tally: Tally) -> None:
    """Listen; the event loop starts a task for each connection."""
    # Out of descriptors, asyncio accepts nobody for 1 s, and by default prints a traceback.
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complain(context["message"]))
    server = await asyncio.start_server(
        lambda reader, writer: echo(reader, writer, tally),
        host,
        port,
        family=socket.AF_INET,
        backlog=socket.SOMAXCONN,  # the default is 100
    )
    announce(tally, server.sockets[0])
    async with server:
        await server.serve_forever()


def asynchronous(host: str, port: int, tally: Tally) -> None:
    """Run the event loop."""
    asyncio.run(stream_server(host, port, tally))


if __name__ == "__main__":
    serve(__file__, __doc__, asynchronous)
