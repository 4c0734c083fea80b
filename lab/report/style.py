"""The look of every page: one sheet, the system's own fonts, light, dark and on paper.

Colours are variables, since the figures (see `figures`) take theirs from here too. Blue on white,
sky blue, orange and yellow on black are of the palette of Okabe and Ito (2008); its vermillion,
green and purple are darker on white, so that words in them can be read (WCAG 2.1, 1.4.3: a
contrast of 4.5 to 1).
"""

CSS = """\
:root {
  --paper: #ffffff; --soft: #f5f6f8; --ink: #1c1d21; --muted: #5c5f66; --line: #dddfe3;
  --udp: #bf5300; --tcp: #0072b2; --green: #00775a; --purple: #a3457a; --ochre: #806000;
  --good: #1b6e3c; --good-soft: #eef7f1; --bad: #b3261e; --bad-soft: #fdf0ef;
  color-scheme: light;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15161a; --soft: #1e2026; --ink: #ececef; --muted: #a5a8b0; --line: #363941;
    --udp: #e69f00; --tcp: #56b4e9; --green: #2fc79a; --purple: #e08fb8; --ochre: #f0e442;
    --good: #7bd09b; --good-soft: #17261d; --bad: #ff9a90; --bad-soft: #2e1b1a;
    color-scheme: dark;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
    "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.5rem 5rem; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: 2.25rem; font-weight: 650; letter-spacing: -0.015em; margin: 0; }
h2 {
  font-size: 1.375rem; font-weight: 650; margin: 4rem 0 1rem;
  padding-top: 1.25rem; border-top: 1px solid var(--line);
}
h3 { font-size: 1rem; font-weight: 650; margin: 0 0 0.75rem; }
p, ul { max-width: 44rem; margin: 0 0 1rem; text-wrap: pretty; }
ul { padding-left: 1.25rem; }
.byline { color: var(--muted); margin: 0.5rem 0 0; max-width: none; }
.byline span { display: inline-block; overflow-wrap: anywhere; max-width: 100%; }
.verdict {
  margin: 2rem 0 0; padding: 1rem 1.25rem; border-left: 4px solid; border-radius: 2px;
}
.verdict > p { font-weight: 650; margin: 0; }
.verdict ul { margin: 0.5rem 0 0; color: var(--ink); }
.pass { color: var(--good); background: var(--good-soft); }
.fail { color: var(--bad); background: var(--bad-soft); }
.verdict + section h2 { margin-top: 2rem; padding-top: 0; border-top: 0; }
section:first-of-type > p:first-of-type { font-size: 1.1875rem; line-height: 1.55; }
section > h3 { margin: 2.5rem 0 0.5rem; }
figure + p { margin-top: 2rem; }
figure { margin: 2.5rem 0 0; }
section > h2 + figure { margin-top: 1.5rem; }
figcaption { max-width: 44rem; margin-top: 0.75rem; color: var(--muted); font-size: 0.9375rem; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--tcp); outline-offset: 4px; }
svg { display: block; width: 100%; min-width: 22rem; max-width: 40rem; height: auto; }
svg.wide { min-width: 34rem; max-width: 44rem; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
svg.ladder { min-width: 46rem; max-width: 57rem; }
.ladder text { font-size: 12px; fill: var(--ink); }
.ladder .h { font-size: 14px; font-weight: 650; }
.ladder .m { fill: var(--muted); }
.ladder .b { font-weight: 650; }
.ladder .bad { fill: var(--bad); }
.ladder .life { stroke: var(--muted); stroke-width: 1.5; fill: none; }
.ladder .wan { fill: var(--soft); stroke: var(--line); }
.ladder .tie { stroke: var(--muted); stroke-width: 1; fill: none; }
.ladder .fold { fill: var(--paper); stroke: var(--muted); stroke-dasharray: 1 3; }
.ladder .gap { fill: var(--paper); stroke: var(--line); }
.ladder .tcp { color: var(--tcp); }
.ladder .udp { color: var(--udp); }
.ladder .any { color: var(--ink); }
.ladder polyline { stroke: currentColor; stroke-width: 1.5; fill: none; }
.ladder .again polyline { stroke-dasharray: 7 4; stroke-width: 2; }
.ladder .copy polyline { stroke-dasharray: 1.5 3; stroke-width: 2; }
.ladder .tip, .ladder .dot { fill: currentColor; }
.ladder .hollow, .ladder .open { fill: var(--paper); stroke: currentColor; stroke-width: 1.5; }
.ladder .x { stroke: var(--bad); stroke-width: 3; fill: none; }
table { border-collapse: collapse; width: 100%; font-size: 0.9375rem; line-height: 1.4; }
th, td { padding: 0.5rem 0.625rem; text-align: right; vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
th:last-child, td:last-child { padding-right: 0; }
td, tbody th { white-space: nowrap; border-top: 1px solid var(--line); }
tbody th { font-weight: 650; }
thead th { color: var(--muted); font-weight: 500; vertical-align: bottom; }
thead tr + tr th:first-child { padding-left: 0.625rem; text-align: right; }
thead th.group {
  color: var(--ink); font-weight: 650; text-align: center; padding: 0.25rem 0 0.25rem 1.25rem;
  background: linear-gradient(var(--line) 0 0) right bottom / calc(100% - 1.25rem) 1px no-repeat;
}
td small, th small { display: block; color: var(--muted); font-size: 0.8125rem; font-weight: 400; }
tbody th:has(small) { white-space: normal; min-width: 16rem; max-width: 20rem; }
tbody th small { overflow-wrap: anywhere; }
td small { white-space: normal; }
td.words, th.words { white-space: normal; text-align: left; }
td.words { min-width: 9rem; }
td.words:nth-child(3) { min-width: 14rem; }
td.words:nth-child(2) { min-width: 6rem; }
td.held { color: var(--good); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
tbody th:has(.unseen) { position: relative; border-top: 0; }
a { color: var(--tcp); text-underline-offset: 0.15em; }
.broken, .broken small { color: var(--bad); }
.broken { font-weight: 650; background: var(--bad-soft); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem 2rem; }
dl { margin: 1.5rem 0; }
dt { color: var(--muted); font-size: 0.875rem; }
dd { margin: 0; overflow-wrap: anywhere; }
pre {
  margin: 1rem 0; padding: 0.75rem 1rem; overflow-x: auto; background: var(--soft);
  border-radius: 4px; line-height: 1.5;
}
.long code { font-size: 0.8125rem; }
code { font: 0.9375rem ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.layers { min-width: 40rem; }
.layers .at { color: var(--muted); }
.layers .link { border: 0 double var(--muted); }
.layers .network { border: 0 solid var(--tcp); }
.layers .transport { border: 0 dashed var(--udp); }
.layers .payload { border: 0 dotted var(--good); }
.layers span[class] { padding-bottom: 1px; border-bottom-width: 3px; }
.layers span.at { padding: 0; border: 0; }
.layers pre { line-height: 1.9; }
.key { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; padding: 0; list-style: none; }
.layers table { table-layout: fixed; margin-top: 1.75rem; }
.layers table[class] { border-left-width: 3px; }
.layers caption { padding: 0 0 0.25rem; text-align: left; }
.layers :is(th, td), .layers thead th { padding: 0.3rem 0.75rem; text-align: left; }
.layers td, .layers tbody th { vertical-align: top; white-space: normal; }
.layers :is(th, td):first-child { width: 25%; padding-left: 1rem; }
.layers :is(th, td):nth-child(2) { width: 18%; }
.layers :is(th, td):nth-child(3) { width: 20%; overflow-wrap: anywhere; }
@media (max-width: 36rem) {
  main { padding: 2rem 1rem 3rem; }
  h1 { font-size: 1.75rem; }
  h2 { margin-top: 3rem; }
  section:first-of-type > p:first-of-type { font-size: 1.0625rem; }
}
@media print {
  @page { margin: 18mm 16mm; }
  html { font-size: 10.5pt; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2 { margin-top: 2rem; break-after: avoid; }
  h3 { break-after: avoid; }
  figure, tr, .verdict, dl > div { break-inside: avoid; }
  .scroll { overflow: visible; }
  svg, svg.wide { min-width: 0; max-width: 13cm; }
  svg.ladder { min-width: 0; max-width: none; break-inside: avoid; }
  pre.long { white-space: pre-wrap; }
  .long code { font-size: 7pt; }
  .layers { min-width: 0; }
  .layers code { font-size: 7.5pt; }
  .layers table { break-inside: auto; }
  figure:has(.layers) { break-inside: auto; }
  figure:has(svg.ladder + svg.ladder) { break-inside: auto; }
  table { font-size: 8.5pt; }
  th, td { padding: 0.3rem; }
  td.words, td.words:nth-child(n), tbody th:has(small) { min-width: 0; }
  .verdict, .broken, .group, .ladder, pre {
    print-color-adjust: exact; -webkit-print-color-adjust: exact;
  }
}
"""
