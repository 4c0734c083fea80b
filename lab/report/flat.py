"""A run's points as CSV: one row a loss point, one flat column a number."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any


def csv_text(result: Mapping[str, Any]) -> str:
    """The points of `result` as CSV (RFC 4180, but with lines that end as Unix tools expect).

    A nested key becomes `outer_inner` (`tcp_rtt_ms_p50`), an interval `_low` and `_high`. Units
    are those of the result. What was not measured is an empty cell; numbers lose no digit.
    """
    rows = [dict(_flat(point)) for point in result["points"]]
    tables = {name for point in result["points"] for name in _tables(point)}
    # A protocol that an interrupted point lacks is a null where the others have a table.
    columns = [c for c in dict.fromkeys(c for row in rows for c in row) if c not in tables]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}_")
        elif isinstance(value, list) and key == "interval":
            yield from zip((f"{name}_low", f"{name}_high"), value, strict=True)
        else:
            yield name, json.dumps(value) if isinstance(value, list | bool) else value


def _tables(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield f"{prefix}{key}"
            yield from _tables(value, f"{prefix}{key}_")
