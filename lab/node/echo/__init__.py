"""The echo programs: the Echo Protocol (RFC 862) in one concurrency model a file.

Every file ``tcp_*.py`` or ``udp_*.py`` here is a server that `python3 -m lab.node.echo.NAME`
starts, and the first line of its docstring is its summary; ``*_client`` are the clients.
A new file is a new server. `program` holds what has nothing to do with the model.
"""
