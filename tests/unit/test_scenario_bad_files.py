"""Scenario files with one mistake each, and the one line that is to mend it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import catalogue
from lab.errors import BadInput
from lab.knobs import KNOBS
from lab.scenario.file import FIELDS, read
from lab.scenario.model import Scenario
from tests.unit.scenario_kinds import KINDS

KNOBS_THERE = ", ".join(KNOBS)
FIELDS_THERE = ", ".join(FIELDS)
UDP_SERVERS = ", ".join(each.name for each in catalogue.servers() if each.protocol == "udp")

# Whole files.
WHOLE: list[tuple[str, str]] = [
    (
        "",
        "1: '' is an empty file; write a list, one '- …' a line",
    ),
    (
        "# nothing\n",
        "1: '' is an empty file; write a list, one '- …' a line",
    ),
    (
        "- udp\n",
        "1: '- udp' is a list; write {title: …}, allowed " + FIELDS_THERE,
    ),
    (
        "title\n",
        "1: 'title' is one value; write {title: …}, allowed " + FIELDS_THERE,
    ),
    (
        "title: t\n",
        "1: 'title: t' has no measure; add measure: …",
    ),
    (
        "measure: [{udp: }]\n",
        "1: 'measure: [{udp: }]' has no title; add title: …",
    ),
    (
        "titel: t\n",
        "1: 'titel' is unknown, perhaps title; allowed " + FIELDS_THERE,
    ),
    (
        "title: t\ntitle: u\n",
        "2: 'title' is given twice, first in line 1",
    ),
    (
        "title: t\n\tclaim: x\n",
        "2: 'claim: x' is indented by a tab; write spaces",
    ),
    (
        "title: [t\n",
        "1: 'title: [t' has no closing ]; add it",
    ),
    (
        "title: t\n---\ntitle: u\n",
        "2: '---' is no YAML: but found another document",
    ),
    (
        "title: t: u\n",
        "1: 'title: t: u' has a second colon; put the value in quotes",
    ),
    (
        "title: t\n  claim: u\n",
        "2: 'claim: u' is indented further than the line above, which has a value",
    ),
    (
        'title: "t\nmeasure: [{udp: {}}]\n',
        "1: 'title: \"t' has a quote that is never closed; close it",
    ),
    (
        "title: t\nimpair: {loss: 5%\nmeasure: [{udp: {}}]\n",
        "2: 'impair: {loss: 5%' has no closing }, or no comma at its end; add it",
    ),
    (
        "title: t\nimpair: {loss: 5% delay: 20ms}\n",
        "2: 'impair: {loss: 5% delay: 20ms}' has no comma between two values; add one",
    ),
    (
        "title: t\nvary: {loss: [1%, 5%}\n",
        "2: 'vary: {loss: [1%, 5%}' has no closing ]; add it",
    ),
    (
        "title: t\nvary: {loss: [%1, %5]}\n",
        "2: 'vary: {loss: [%1, %5]}' has a % before its number; write 5%",
    ),
    (
        "title: @home\n",
        "1: 'title: @home' has a value that begins with @; put it in quotes",
    ),
    (
        "title: t\nvary:\n  loss: [1%]\n delay: [1ms]\n",
        "4: 'delay: [1ms]' does not line up with the lines above; indent it as those that it "
        "belongs to",
    ),
    (
        "title: t\nexpect:\n  - that: 'udp.lost' = 0\n",
        "3: \"- that: 'udp.lost' = 0\" goes on after a closing quote; put all of the value in "
        "quotes, or nothing",
    ),
    (
        "title: t\nclaim\nmeasure: [{udp: {}}]\n",
        "2: 'claim' has no colon; write NAME: value",
    ),
    (
        "title: t\nclaim:x\nmeasure: [{udp: {}}]\n",
        "2: 'claim:x' has no space after the colon; add one",
    ),
    (
        "title: t\nimpair {loss: 5%}\nmeasure: [{udp: {}}]\n",
        "2: 'impair {loss' has no colon; write impair: {…",
    ),
    (
        "title: t\nmeasure:\n  - udp:\n  -bulk: {}\n",
        "4: '-bulk: {}' has no space after the -; add one",
    ),
    (
        "title: t\nmeasure:\n  -udp: {}\n  - bulk: {}\n",
        "3: '-udp: {}' has no space after the -; add one",
    ),
    (
        "title: t\nmeasure:\n  - udp:\n  bulk: {}\n",
        "4: 'bulk: {}' is in a list and does not begin with '- '; add it",
    ),
    (
        "Title: t\n",
        "1: 'Title' is unknown, perhaps title; allowed " + FIELDS_THERE,
    ),
    (
        "title: *t\n",
        "1: 'title: *t' is no YAML: found undefined alias 't'",
    ),
    (
        "title: t\nclaim: \u0007\n",
        "2: '\\\\x07' is no character for a text file; write UTF-8",
    ),
    (
        "[" * 2000,
        " '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…' is nested too deep",
    ),
    (
        "#" * 300_001,
        " '300001 characters' is too long; allowed 300000",
    ),
    (
        "title: t\nclaim: &a [*a]\n",
        " 'title: t\\nclaim: &a [*a]\\n' is nested too deep, or has aliases without end",
    ),
]

# One field more, between the title in line 1 and what is measured.
FIELD: list[tuple[str, str]] = [
    (
        "title: u",
        "2: 'title' is given twice, first in line 1",
    ),
    (
        "claim:",
        "2: claim: '' is empty; write some words",
    ),
    (
        "claim: [a, b]",
        "2: claim: '[a, b]' is a list; write one value",
    ),
    (
        "number: 0",
        "2: number: '0' is out of range; allowed 1 to 99",
    ),
    (
        "number: 100",
        "2: number: '100' is out of range; allowed 1 to 99",
    ),
    (
        "number: one",
        "2: number: 'one' is no whole number; allowed 1 to 99",
    ),
    (
        "number: [1]",
        "2: number: '[1]' is a list; write one value",
    ),
    (
        "vary: {loss: [1%, 2%]}\nimpair: {loss: loss}",
        "3: impair.loss: 'loss' is no percentage; write $loss for what is varied",
    ),
    (
        "impair: {loss:5%}",
        "2: impair: 'loss:5%' has no space after the colon; add one",
    ),
    (
        "impair: {toward_server: {loss: 5%}}",
        "2: impair: 'toward_server' is unknown, perhaps toward server; allowed toward server, "
        "toward client, client-1, " + KNOBS_THERE,
    ),
    (
        "impair: {loss: '0,5%'}",
        "2: impair.loss: '0,5%' is no percentage; write 0.5%",
    ),
    (
        "servers: tcp_threaded",
        "2: servers: 'tcp_threaded' is one value; write {tcp: …}, allowed tcp, udp",
    ),
    (
        "servers: {icmp: x}",
        "2: servers: 'icmp' is unknown; allowed tcp, udp",
    ),
    (
        "servers: {udp: tcp_threaded}",
        "2: servers.udp: 'tcp_threaded' is no udp server; allowed: " + UDP_SERVERS,
    ),
    (
        "clients: 0",
        "2: clients: '0' is out of range; allowed 1 to 100",
    ),
    (
        "clients: two",
        "2: clients: 'two' is no whole number; allowed 1 to 100",
    ),
    (
        "clients: 101",
        "2: clients: '101' is out of range; allowed 1 to 100",
    ),
    (
        "vary:",
        "2: vary: '' is nothing; write {loss: [0%, 5%]}",
    ),
    (
        "vary: {}",
        "2: vary: '{}' is an empty mapping; write {loss: [0%, 5%]}",
    ),
    (
        "vary: loss",
        "2: vary: 'loss' is one value; write {loss: [0%, 5%]}",
    ),
    (
        "vary: {loss: []}",
        "2: vary.loss: '[]' is an empty list; write at least one '- …'",
    ),
    (
        "vary: {loss: [1%, 1%]}",
        "2: vary.loss: '1%' is there twice; leave one out",
    ),
    (
        "vary: {loss: [1%, [2%]]}",
        "2: vary.loss: '[2%]' is a list; write one value",
    ),
    (
        "vary: {loss: [1%, '']}",
        "2: vary.loss: '' is no value; write one, as 5%, 20ms or cubic",
    ),
    (
        "vary: {lo-ss: [1%]}",
        "2: vary: 'lo-ss' is no name of a variable; write letters, digits and _, the "
        "first no digit",
    ),
    (
        "vary: {last: [1, 2]}",
        "2: vary: 'last' means something in expressions; call the variable otherwise",
    ),
    (
        "vary: {udp: [1ms]}\nimpair: {delay: $udp}",
        "2: vary: 'udp' is also a measurement; call one of them otherwise",
    ),
    (
        "vary: {loss: [1%], loss: [2%]}",
        "2: vary: 'loss' is given twice, first in line 2",
    ),
    (
        "vary: {loss: [1%, 2%]}",
        "2: vary: 'loss' is varied and used nowhere; write $loss where it belongs",
    ),
    (
        "vary: {loss: [1%, $x]}",
        "2: vary.loss: '$x' has a $ in it; a value can't be made of others, write it out",
    ),
    (
        f"vary: {{n: {list(range(201))}}}",
        "2: vary: '{n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …' makes 201 points; allowed 200",
    ),
    (
        f"vary: {{n: {list(range(67))}, m: [1, 2, 3]}}",
        "2: vary: '{n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …' makes 201 points; allowed 200",
    ),
    (
        "vary: {a: [1%]}\ncases: {b: {a: 1%}}",
        "3: cases: '{b: {a: 1%}}' does not go with vary; choose one",
    ),
    (
        "cases: {}",
        "2: cases: '{}' is an empty mapping; write {a name: {loss: 5%}}",
    ),
    (
        "cases: {b: 1%}",
        "2: cases.b: '1%' is one value; write {loss: 5%}",
    ),
    (
        "cases: {b: {}}",
        "2: cases.b: '{}' is an empty mapping; write {loss: 5%}",
    ),
    (
        "cases:\n  one: {loss: 1%}\n  two: {delay: 1ms}",
        "4: cases.two: 'delay' is not in the first case; allowed loss",
    ),
    (
        "cases:\n  one: {loss: 1%, delay: 1ms}\n  two: {loss: 2%}",
        "4: cases.two: '{loss: 2%}' has no delay, as the first case has; add delay: …",
    ),
    (
        "cases:\n  last: {loss: 1%}",
        "3: cases: 'last' means something in expressions; call the case otherwise",
    ),
    (
        "cases:\n  o'ne: {loss: 1%}",
        '3: cases: "o\'ne" is no name of a case; write 1 to 60 characters, no quotes . or $',
    ),
    (
        "cases:\n  one: {loss: 1%}\n  one: {loss: 2%}",
        "4: cases: 'one' is given twice, first in line 3",
    ),
    (
        "cases:\n  one: {loss: [1%]}",
        "3: cases.one.loss: '[1%]' is a list; write one value",
    ),
    (
        "cases:\n  [one]: {loss: 1%}",
        "3: cases: '[one]' is a list; write one value",
    ),
    (
        "vary: {loss: [1%, 200%]}\nimpair:\n  loss: $loss",
        "4: impair.loss: '200%' is out of range; allowed 0% to 100% (in the case 200%)",
    ),
    (
        "cases:\n  in bursts: {model: loss gemodel 1%}\nimpair: {toward server: $model}",
        "4: impair.toward server.loss: '' is no percentage; write 10% (in the case in bursts)",
    ),
    (
        "vary: {loss: [1%, 2%]}\nimpair:\n  loss: $loss\n  delay: 5",
        "5: impair.delay: '5' has no unit; write 40ms (us, ms, s)",
    ),
    (
        "impair: {loss: $loss}",
        "2: impair.loss: '$loss' is not varied; allowed none, as nothing is varied",
    ),
    (
        "vary: {loss: [1%]}\nimpair:\n  toward server: {loss: $los}",
        "4: impair.toward server.loss: '$los' is not varied; allowed $loss",
    ),
    (
        "impair: loss $",
        "2: impair: '$' is not varied; allowed none, as nothing is varied",
    ),
    (
        "impair: {loss: 5}",
        "2: impair.loss: '5' has no unit; write 5%",
    ),
    (
        "impair: loss 5",
        "2: impair.loss: '5' has no unit; write 5%",
    ),
    (
        "impair: lose 5%",
        "2: impair: 'lose' is no knob; allowed " + KNOBS_THERE,
    ),
    (
        "impair: {lose: 5%}",
        "2: impair: 'lose' is unknown, perhaps loss; allowed toward server, toward client, "
        "client-1, " + KNOBS_THERE,
    ),
    (
        "impair: [loss 5%]",
        "2: impair: '[loss 5%]' is a list; write {loss: 5%, delay: 20ms}, or loss 5% delay 20ms",
    ),
    (
        "impair: {toward servers: {loss: 5%}}",
        "2: impair: 'toward servers' is unknown, perhaps toward server; allowed toward server, "
        "toward client, client-1, " + KNOBS_THERE,
    ),
    (
        "impair: {toward server: {loss: 5%}, delay: 5ms}",
        "2: impair.delay: '5ms' does not go with toward server; put delay into each of these",
    ),
    (
        "impair:\n  toward server: {jitter: 5ms}",
        "3: impair.toward server.jitter: '5ms' makes no sense without delay; add it, or "
        "leave this out",
    ),
    (
        "impair: {client-2: {loss: 5%}}",
        "2: impair: 'client-2' is not there; allowed client-1, or more with clients: 2",
    ),
    (
        "clients: 2\nimpair: {client-2: {toward: {loss: 5%}}}",
        "3: impair.client-2: 'toward' is unknown; allowed toward server, toward client, "
        + KNOBS_THERE,
    ),
    (
        "impair: {loss: 5%, gemodel: 1%}",
        "2: impair.gemodel: '1%' does not go with loss: two models of loss; choose one",
    ),
    (
        "impair: {loss: 5%, loss: 6%}",
        "2: impair: 'loss' is given twice, first in line 2",
    ),
    (
        "schedule: {at: 2s, down: true}",
        "2: schedule: '{at: 2s, down: true}' is a mapping; write a list, one '- …' a line",
    ),
    (
        "schedule: [{at: 2, down: true}]",
        "2: schedule.at: '2' has no unit; write 40ms (us, ms, s)",
    ),
    (
        "schedule: [{at: 2s, up: true}]",
        "2: schedule: '2s up' is up already toward server; put down before",
    ),
    (
        "schedule:\n  - {at: 2s, down: true}\n  - {at: 3s, loss: 1%}",
        "4: schedule: '3s loss 1%' is toward server, which is down since 2s; put up before",
    ),
    (
        "vary: {t: [2s, 2h]}\nschedule:\n  - {at: $t, down: true}",
        "4: schedule.at: '2h' is no duration; write 40ms (us, ms, s) (in the case 2h)",
    ),
    (
        "rules: [drop]",
        "2: rules: 'drop' is one value; write {drop: …}, allowed drop, delay, duplicate",
    ),
    (
        "rules:\n  - drop: {nth: 0}",
        "3: rules.drop.nth: '0' is out of range; allowed 1 to 1000000000",
    ),
    (
        "rules:\n  - drop: {client: client-2}",
        "3: rules: 'client-2' is not there; allowed client-1, or more with clients: 2",
    ),
    (
        "rules:\n  - drop: {flags: SIN}",
        "3: rules.drop.flags: 'SIN' is none of these; allowed SYN, ACK, FIN, RST",
    ),
    (
        "seed: x",
        "2: seed: 'x' is no whole number; allowed 0 to 9223372036854775807",
    ),
    (
        "seed: -1",
        "2: seed: '-1' is no whole number; allowed 0 to 9223372036854775807",
    ),
    (
        "backend: tc",
        "2: backend: 'tc' is none of these; allowed auto, netem, tc-bpf, userspace",
    ),
    (
        "backend: netem\nseed: 7",
        "2: backend: 'netem' cannot do seed; allowed auto, userspace",
    ),
    (
        "backend: tc-bpf\nimpair: {delay: 5ms, jitter: 1ms}",
        "2: backend: 'tc-bpf' cannot do delay, jitter; allowed auto, netem, userspace",
    ),
    (
        "backend: tc-bpf\nschedule: [{at: 1s, delay: 5ms}]",
        "2: backend: 'tc-bpf' cannot do delay; allowed auto, netem, userspace",
    ),
    (
        "backend: netem\nrules: [{drop: {}}]",
        "2: backend: 'netem' cannot do rules; allowed auto, userspace",
    ),
    (
        "route: rto_min 10ms",
        "2: route: 'rto_min 10ms' is one value; write {rto-min: …}, allowed rto-min, "
        "quickack, congestion, initcwnd, initrwnd",
    ),
    (
        "route: {rto_min: 10ms}",
        "2: route: 'rto_min' is unknown, perhaps rto-min; allowed rto-min, quickack, congestion, "
        "initcwnd, initrwnd",
    ),
    (
        "route: {rto-min: 10}",
        "2: route.rto-min: '10' has no unit; write 40ms (us, ms, s)",
    ),
    (
        "route: {rto-min: 200s}",
        "2: route.rto-min: '200s' is out of range; allowed 1ms to 120s",
    ),
    (
        "route: {quickack: maybe}",
        "2: route.quickack: 'maybe' is none of these; allowed: on, off, true, false, yes, no",
    ),
    (
        "route: {congestion: New Reno}",
        "2: route.congestion: 'New Reno' is no congestion control; write cubic",
    ),
    (
        "route: {initcwnd: 0}",
        "2: route.initcwnd: '0' is out of range; allowed 1 to 1000",
    ),
    (
        "capture: perhaps",
        "2: capture: 'perhaps' is none of these; allowed: on, off, true, false, yes, no",
    ),
    (
        "by: point",
        "2: by: 'point' is none of these; allowed points, measurements",
    ),
]

# What stands after `measure:` in line 2.
MEASURE: list[tuple[str, str]] = [
    (
        "",
        "2: measure: '' is nothing; write a list, one '- …' a line",
    ),
    (
        "[]",
        "2: measure: '[]' is an empty list; write at least one '- …'",
    ),
    (
        "udp",
        "2: measure: 'udp' is one value; write a list, one '- …' a line",
    ),
    (
        "[udp]",
        "2: measure: 'udp' is one value; write {udp: {…}}",
    ),
    (
        "\n  - udp:\n    count: 100",
        "4: measure: 'count' belongs to udp; indent it further than udp",
    ),
    (
        "\n  -udp: {}",
        "3: measure: '-udp: {}' has no space after the -; add one",
    ),
    (
        "[{bulck: {}}]",
        "2: measure: 'bulck' is no measurement, perhaps bulk; allowed udp, bulk, together",
    ),
    (
        "[{ping: {}}]",
        "2: measure: 'ping' is no measurement; allowed udp, bulk, together",
    ),
    (
        "[{}]",
        "2: measure: '{}' is an empty mapping; write {udp: {…}}",
    ),
    (
        "[{udp: 5}]",
        "2: measure.udp: '5' is one value; write {count: …}, allowed count, interval, client, as",
    ),
    (
        "[{udp: {cont: 3}}]",
        "2: measure.udp: 'cont' is unknown, perhaps count; allowed count, interval, client, as",
    ),
    (
        "[{udp: {count: many}}]",
        "2: measure.udp.count: 'many' is no whole number; allowed 1 to 1000",
    ),
    (
        "[{udp: {count: 0}}]",
        "2: measure.udp.count: '0' is out of range; allowed 1 to 1000",
    ),
    (
        "[{udp: {interval: 5}}]",
        "2: measure.udp.interval: '5' has no unit; write 40ms (us, ms, s)",
    ),
    (
        "[{udp: {client: client-2}}]",
        "2: measure.udp.client: 'client-2' is not there; allowed client-1, or more with clients: 2",
    ),
    (
        "[{udp: {client: server}}]",
        "2: measure.udp.client: 'server' is no client; write client-1",
    ),
    (
        "[{udp: {as: a b}}]",
        "2: measure.udp.as: 'a b' is no name of a measurement; write letters, digits and "
        "_, the first no digit",
    ),
    (
        "[{udp: {as: within}}]",
        "2: measure.udp.as: 'within' means something in expressions; call the "
        "measurement otherwise",
    ),
    (
        "\n  - udp:\n  - udp:",
        "4: measure: 'udp' is measured already, in line 3; give it a name with as: …",
    ),
    (
        "\n  - udp: {as: x}\n  - bulk: {congestion: reno, as: x}",
        "4: measure.bulk.as: 'x' is measured already, in line 3",
    ),
    (
        "\n  - udp:\n    bulk:",
        "4: measure: 'bulk' comes after udp in one item; begin another '- …'",
    ),
    (
        "[{udp: {start: 1s}}]",
        "2: measure.udp: 'start' is unknown; allowed count, interval, client, as",
    ),
    (
        "[{bulk: {sizes: [1, 2]}}]",
        "2: measure.bulk: '{sizes: [1, 2]}' has no congestion; add congestion: …",
    ),
    (
        "[{bulk: {congestion: reno, sizes: [1, 10]}}]",
        "2: measure.bulk.sizes: '10' is out of range; allowed 1 to 9",
    ),
    (
        "\n  - together:\n      - udp:",
        "4: measure.together: '- udp:' is one measurement; write two or more, or leave "
        "together out",
    ),
    (
        "[{together: udp}]",
        "2: measure.together: 'udp' is one value; write a list, one '- …' a line",
    ),
    (
        "\n  - together:\n      - udp:\n      - together: []",
        "5: measure.together: 'together' is no measurement; allowed udp, bulk",
    ),
    (
        "\n  - together:\n      - udp: {start: 5}\n      - bulk:",
        "4: measure.together.udp.start: '5' has no unit; write 40ms (us, ms, s)",
    ),
]

# One item of `expect`, from line 6 on, of a file that varies loss: 1% and 2%.
EXPECT: list[tuple[str, str]] = [
    (
        "that: udp.sent = 1\nthat: udp.sent = 2",
        "7: expect: 'that' is given twice, first in line 6",
    ),
    (
        "udp.sent = 1",
        "6: expect: 'udp.sent = 1' does not say what it is; write that: …, allowed name, that, "
        "share, order, is, keep, when, confidence",
    ),
    (
        "{}",
        "6: expect: '{}' states nothing; add one of that, share, order",
    ),
    (
        "name: x",
        "6: expect: 'name: x' states nothing; add one of that, share, order",
    ),
    (
        "that: udp.sent > 1\nshare: udp.lost of udp.sent",
        "7: expect.share: 'udp.lost of udp.sent' does not go with that; begin another '- …'",
    ),
    (
        "that: 1",
        "6: expect.that: '1' is no statement; compare it, as … > 0, … = 1, … within 5% of …",
    ),
    (
        "that: udp.sent + 1",
        "6: expect.that: 'udp.sent + 1' is no statement; compare it, as … > 0, … = 1, … "
        "within 5% of …",
    ),
    (
        "that: udp.sent =",
        "6: expect.that: 'udp.sent =' ends too early; allowed a number, as 5% or 20ms, a "
        "name, a function, (",
    ),
    (
        "that: udp.sent == 1",
        "6: expect.that: '==' is not how it is written; write =",
    ),
    (
        "that: udp.sent > 1 && udp.lost = 0",
        "6: expect.that: '&&' is not how it is written; write and",
    ),
    (
        "that: udp.sent = 1 = 2",
        "6: expect.that: '=' is not what comes here; allowed one comparison; join two by and",
    ),
    (
        "that: udq.sent = 1",
        "6: expect.that: 'udq' is no figure; allowed loss, udp",
    ),
    (
        "that: udp = 1",
        "6: expect.that: 'udp' is a whole measurement; go on, as udp.duration_s",
    ),
    (
        "that: loss.sent = 1",
        "6: expect.that: 'loss.sent' goes too far; write loss, which is varied",
    ),
    (
        "that: udp.sent within 5%",
        "6: expect.that: 'udp.sent within 5%' ends too early; allowed within 5% of …",
    ),
    (
        "that: udp.sent within 5% of",
        "6: expect.that: 'udp.sent within 5% of' ends too early; allowed a number, as 5% "
        "or 20ms, a name, a function, (",
    ),
    (
        "that: udp.sent between 1 or 2",
        "6: expect.that: 'or' is not what comes here; allowed between … and …",
    ),
    (
        "that: udp.sent > 1 2",
        "6: expect.that: '2' is not what comes here; allowed + - * / ^, a comparison (= "
        "!= < <= > >=, within, between), and, or",
    ),
    (
        "that: (udp.sent > 1",
        "6: expect.that: '(udp.sent > 1' ends too early; allowed a closing )",
    ),
    (
        "that: udp.sent > 5x",
        "6: expect.that: '5x' is no number with a unit; write for example 20ms (%, us, "
        "ms, s, bit, kbit, mbit, gbit)",
    ),
    (
        "that: udp.sent > 1 and 2",
        "6: expect.that: '2' is no statement; compare it, as … > 0, … = 1, … within 5% of …",
    ),
    (
        "that: not udp.sent + 1",
        "6: expect.that: 'udp.sent + 1' is no statement; compare it, as … > 0, … = 1, … "
        "within 5% of …",
    ),
    (
        "that: (udp.sent > 1) + 1",
        "6: expect.that: 'udp.sent > 1' is true or false, where a number belongs",
    ),
    (
        "that: p98(udp.rtt_ms) > 1",
        "6: expect.that: 'p98' is no function; allowed min, max, abs, sqrt, sum, mean, "
        "count, p50, median, p90, p95, p99",
    ),
    (
        "that: p99(1) > 1",
        "6: expect.that: '1' is no column; p99 takes one, as p99(udp.rtt_ms)",
    ),
    (
        "that: p99 > 1",
        "6: expect.that: 'p99' is a function; write p99(…)",
    ),
    (
        "that: abs(1, 2) > 1",
        "6: expect.that: 'abs(1, 2)' has too many arguments; abs takes one",
    ),
    (
        "that: udp.duration_s < 5s",
        "6: expect.that: 'udp.duration_s' is in s, and 5s counts in ms; write 5 without a unit",
    ),
    (
        "that: udp.duration_s < udp.rtt_ms.max",
        "6: expect.that: 'udp.duration_s' is in s, and udp.rtt_ms.max counts in ms; "
        "divide what is in ms by 1s, and it is in seconds",
    ),
    (
        "that: udp.sent > 1 & 2",
        "6: expect.that: '&' is not what comes here; allowed a number, as 5% or 20ms, a "
        "name, a function, (",
    ),
    (
        "that: udp.sent = 'x",
        '6: expect.that: "\'x" has no end; close the quotes',
    ),
    (
        "that:",
        "6: expect.that: '' is empty; allowed a number, as 5% or 20ms, a name, a function, (",
    ),
    (
        "that: [a]",
        "6: expect.that: '[a]' is a list; write one value",
    ),
    (
        f"that: udp.sent > {'1 + ' * 100}1",
        "6: expect.that: 'udp.sent > 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + …' is too long; "
        "allowed 400 characters",
    ),
    (
        f"that: {'(' * 300}udp.sent > 1",
        "6: expect.that: '(((((((((((((((((((((((((((((((((((((((((((((((…' is nested too deep",
    ),
    (
        "that: udp.sent = 1\nis: 1",
        "7: expect.is: '1' does not go with that; allowed with share",
    ),
    (
        "that: udp.sent = 1\nkeep: udp",
        "7: expect.keep: 'udp' does not go with that; allowed with share",
    ),
    (
        "that: udp.sent = 1\nconfidence: 99%",
        "7: expect.confidence: '99%' does not go with that; allowed with share and order",
    ),
    (
        "share: udp.lost of udp.sent",
        "6: expect: 'share: udp.lost of udp.sent' does not say what the share is; add is: …",
    ),
    (
        "share: udp.lost\nis: 1",
        "6: expect.share: 'udp.lost' ends too early; write PART of WHOLE, as udp.lost of udp.sent",
    ),
    (
        "share: udp.lost of 1 of 2\nis: 1",
        "6: expect.share: 'of' is not what comes here; allowed + - * / ^, a comparison "
        "(= != < <= > >=, within, between), and, or",
    ),
    (
        "share: udp.lost of udp.sent\nis: 5",
        "7: expect.is: '5' is no share, which lies between 0 and 1; write 5%",
    ),
    (
        "share: udp.lost of udp.sent\nis: 5ms",
        "7: expect.is: '5ms' is no share, which lies between 0 and 1; write 5%",
    ),
    (
        "that: udp.lost > $loss",
        "6: expect.that: '$loss' is written without the $ here; write loss",
    ),
    (
        "share: udp.lost of udp.sent\nis: los",
        "7: expect.is: 'los' is no figure, perhaps loss; allowed loss, udp",
    ),
    (
        "share: udp.lost of udp.sent\nis: 1 > 0",
        "7: expect.is: '>' is not what comes here; allowed + - * / ^, a comparison (= != "
        "< <= > >=, within, between), and, or",
    ),
    (
        "share: udp.lost of udp.sent\nis: loss\nkeep: tcp",
        "8: expect.keep: 'tcp' is no measurement; allowed udp",
    ),
    (
        "share: udp.lost of udp.sent\nis: loss\nkeep: udp..x",
        "8: expect.keep: 'udp..x' is no place in a point; write for example udp.toward_server",
    ),
    (
        "share: udp.lost of udp.sent\nis: loss\nconfidence: 100%",
        "8: expect.confidence: '100%' is out of range; allowed 50% to 99.9999%",
    ),
    (
        "share: udp.lost of udp.sent\nis: loss\nconfidence: 0.99",
        "8: expect.confidence: '0.99' has no unit; write 0.99% or 99%",
    ),
    (
        "share: udp.lost of udp.sent\nis: loss\nwhen: 5",
        "8: expect.when: '5' is no statement; compare it, as … > 0, … = 1, … within 5% of …",
    ),
    (
        "share: udp.lost of udp.sent\n"
        "is: loss\n"
        "keep: udp\n"
        "- share: udp.lost of udp.sent\n"
        "is: loss\n"
        "keep: udp",
        "11: expect.keep: 'udp' is kept already, by line 8",
    ),
    (
        "order: udp.sent < udp.lost",
        "6: expect.order: 'udp.sent < udp.lost' is no order of two percentiles; write "
        "p99(…) < p99(…), allowed p50, median, p90, p95, p99",
    ),
    (
        "order: p99(udp.rtt_ms) = p50(udp.rtt_ms)",
        "6: expect.order: 'p99(udp.rtt_ms) = p50(udp.rtt_ms)' is no order of two "
        "percentiles; write p99(…) < p99(…), allowed p50, median, p90, p95, p99",
    ),
    (
        "order: p99(udp.rtt_ms) < p50(udp.rtt_ms)\nis: 5",
        "7: expect.is: '5' does not go with order; allowed with share",
    ),
    (
        "name:\nthat: udp.sent = 1",
        "6: expect.name: '' is empty; write some words, or leave it out",
    ),
]

# The same of `overall`.
OVERALL: list[tuple[str, str]] = [
    (
        "that: udp.sent > 1",
        "6: overall.that: 'udp.sent' is of no case; allowed 1%, 2%, first, last",
    ),
    (
        "that: last > 1",
        "6: overall.that: 'last' is a whole point; go on, as last.loss",
    ),
    (
        "that: last.udq.x > 1",
        "6: overall.that: 'udq' is no figure; allowed loss, udp",
    ),
    (
        "that: last.udp > 1",
        "6: overall.that: 'last.udp' is a whole measurement; go on, as last.udp.duration_s",
    ),
    (
        "that: 3%.udp.sent > 1",
        "6: overall.that: '.' is not what comes here; allowed a number, as 5% or 20ms, a "
        "name, a function, (",
    ),
    (
        "that: last.udp.sent > 1\nwhen: last.udp.sent > 1",
        "7: overall.when: 'last.udp.sent > 1' does not go with overall; when is for expect",
    ),
    (
        "share: last.udp.lost of last.udp.sent\nis: 1\nkeep: udp",
        "8: overall.keep: 'udp' does not go with overall; keep is for expect",
    ),
]


def _field(text: str) -> str:
    return f"title: t\n{text}\nmeasure: [{{udp: {{}}}}]\n"


def _measure(text: str) -> str:
    return f"title: t\nmeasure: {text}\n"


def _item(text: str, field: str) -> str:
    """An item that begins in line 6; a line of it that begins with `- ` begins another one."""
    lines = [line if line.startswith("- ") else f"  {line}" for line in f"- {text}".split("\n")]
    start = "title: t\nvary: {loss: [1%, 2%]}\nimpair: loss $loss\nmeasure: [{udp: {}}]\n"
    return f"{start}{field}:\n" + "".join(f"  {line}\n" for line in lines)


BAD = [
    *WHOLE,
    *[(_field(text), line) for text, line in FIELD],
    *[(_measure(text), line) for text, line in MEASURE],
    *[(_item(text, "expect"), line) for text, line in EXPECT],
    *[(_item(text, "overall"), line) for text, line in OVERALL],
]


def test_the_table_is_long() -> None:
    assert len({text for text, _ in BAD}) == len(BAD) >= 60


@pytest.mark.parametrize(("text", "line"), BAD, ids=range(len(BAD)))
def test_a_bad_file_is_refused_in_one_line(text: str, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(text, "my.yaml", "my", KINDS)
    assert str(caught.value) == f"my.yaml:{line}"
    assert str(caught.value).isprintable()


def _read_or_refused(text: str) -> None:
    try:
        assert isinstance(read(text, "my.yaml", "my", KINDS), Scenario)
    except BadInput as error:
        assert str(error).startswith("my.yaml")
        assert str(error).isprintable()


@given(st.text() | st.text(alphabet=" -:{}[],&*!|>'\"%@$#\ntitlemasurp17", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    _read_or_refused(text)


_words = st.sampled_from(
    ["loss", "udp", "bulk", "5%", "20ms", "$loss", "$x", "1", "cubic", "down", "true", "last",
     "first.udp.sent", "udp.sent", "reno", "client-1", "loss 5% delay 1ms", "1-2", "SYN"]
)  # fmt: skip
_keys = st.sampled_from(
    [*FIELDS, *KNOBS, "udp", "bulk", "together", "as", "start", "at", "down", "drop", "nth", "that",
     "share", "is", "keep", "when", "order", "toward server", "client-1", "rto-min", "congestion",
     "lines", "x", "y", "of"]
)  # fmt: skip
_values = st.recursive(
    _words,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_keys, below, max_size=4),
    max_leaves=12,
)


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


@given(st.dictionaries(st.sampled_from(FIELDS), _values), st.booleans())
def test_any_yaml_is_read_or_refused(fields: dict[str, object], is_whole: bool) -> None:
    if is_whole:
        fields = {"title": "t", "measure": [{"udp": {}}], **fields}
    _read_or_refused("".join(f"{key}: {_flow(value)}\n" for key, value in fields.items()))


_sources = st.text(alphabet="()<>=!+-*/^.,'\" 1520%msxudp.entlosafirinhbw", max_size=50)


@given(
    _sources, st.sampled_from(["that", "share", "order"]), st.sampled_from(["expect", "overall"])
)
def test_any_expression_is_read_or_refused(source: str, kind: str, field: str) -> None:
    quoted = source.replace("'", "''")
    _read_or_refused(_item(f"{kind}: '{quoted}'" + "\nis: 1" * (kind == "share"), field))
