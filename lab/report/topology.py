"""A small picture of the lab: who stands where, and where packets are dropped. Drawn by hand."""

from html import escape

from lab.report.markup import Html

TITLE = "The lab: client, wan and two servers on one network"


def picture(*works: str) -> Html:
    """The lab; `works`: the two lines that say what tc does on wan."""
    upper, lower = map(escape, works)
    return Html(_DRAWING.replace("@upper@", upper).replace("@lower@", lower))


# Every packet for the subnet goes through wan; see the wiring in compose.yaml. Numbers are units
# of the 720 x 210 view box.
_DRAWING = f"""\
<svg class="wide" role="img" aria-label="{TITLE}" viewBox="0 0 720 210">
<title>{TITLE}</title>
<desc>The client reaches the TCP server and the UDP server only through wan, a router. tc on wan
impairs what goes toward the server and toward the client, and counts each packet.</desc>
<defs><marker id="topology-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8"
markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">
<path d="M0 0.5 L8 4 L0 7.5 z" style="fill: var(--muted)"/></marker></defs>
<rect x="1" y="1" width="718" height="208" rx="8"
 style="fill: none; stroke: var(--line); stroke-dasharray: 5 4"/>
<text x="16" y="27" style="fill: var(--muted); font-size: 13px">one internal bridge network</text>
<g style="fill: var(--soft); stroke: var(--muted)">
<rect x="24" y="86" width="104" height="54" rx="5"/>
<rect x="258" y="62" width="212" height="102" rx="5"/>
<rect x="588" y="50" width="108" height="54" rx="5"/>
<rect x="588" y="122" width="108" height="54" rx="5"/></g>
<g style="stroke: var(--muted); stroke-width: 1.5; fill: none; marker-end: url(#topology-tip)">
<path d="M131 106 H255"/><path d="M255 121 H131"/>
<path d="M473 88 L585 69"/><path d="M585 84 L473 103"/>
<path d="M473 123 L585 142"/><path d="M585 157 L473 138"/></g>
<g style="text-anchor: middle; fill: var(--ink); font-size: 15px; font-weight: 600">
<text x="76" y="118">client</text><text x="364" y="88">wan</text>
<text x="642" y="82">tcp-server</text><text x="642" y="154">udp-server</text></g>
<g style="text-anchor: middle; fill: var(--muted); font-size: 13px">
<text x="193" y="97">toward server</text><text x="193" y="140">toward client</text>
<text x="364" y="118">@upper@</text>
<text x="364" y="142">@lower@</text></g>
</svg>
"""
