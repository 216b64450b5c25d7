#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logs for machines: an object a line, of many guests, from a time on; nothing lost, gaps told."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import fakes
from fakes import probe, service
from rig.tap import main

# What the guest answers to the first question, the second, and so on.
ANSWERS = (
    ("one\ntw", 6, True),             # the start of an earlier text is no gap
    ("o\nthree\n", 14, False),
    ("later\n", 1000, True),
    ("\x1b[2J\n", 1005, False),
)
WANTED = (("one", 4), ("two", 8), ("three", 14), (None, 994), ("later", 1000),
          ("\x1b[2J", 1005))
EXPORT = os.path.join(fakes.ROOT, "contrib", "journald", "export.jq")


class Logs(unittest.TestCase):
    def test_follow_as_json(self):
        with fakes.Fleet(["web"]) as fleet:
            answers = [{"Logs": {"text": t, "position": p, "cut": c}} for t, p, c in ANSWERS]
            positions = []

            def answer(fields):
                positions.append(fields.get("position"))
                return answers.pop(0) if answers else {"Error": {"message": "no more"}}

            fleet.guests["web"].answers["Logs"] = answer
            done = subprocess.run([fakes.PROBE, "logs", "-jf", fleet.path("web"), "nginx"],
                                  check=False, capture_output=True, text=True,
                                  timeout=fakes.SECONDS)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(l.get("line"), l["position"]) for l in lines], list(WANTED))
        self.assertEqual([l.get("lost") for l in lines], [None] * 3 + [True] + [None] * 2)
        self.assertEqual({(l["name"], l["service"]) for l in lines}, {("web", "nginx")})
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual(positions, [None, 6, 14, 1000, 1005])
        self.assertEqual((done.returncode, "no more" in done.stderr), (1, True))


class Log:
    """What a service has written, kept as a guest keeps it: `oldest` is the first byte there."""

    def __init__(self):
        self.bytes = ""
        self.oldest = 0
        self.times = []     # (position, unix_ms)

    def write(self, text, unix_ms=None):
        if unix_ms is not None:
            self.times.append((len(self.bytes), unix_ms))
        self.bytes += text

    def answer(self, fields):
        start = fields.get("position")
        if start is None:
            start = self.oldest
            for _ in range(fields["lines"] and self.bytes[start:].count("\n") - fields["lines"]):
                start = self.bytes.index("\n", start) + 1
        elif start < self.oldest:
            start = self.oldest     # that some are missing is to be seen by the position
        elif start > len(self.bytes):
            start = self.oldest
        times = [{"position": max(at, start), "unix_ms": ms} for n, (at, ms) in enumerate(self.times)
                 if n + 1 == len(self.times) or self.times[n + 1][0] > start]
        return {"Logs": {"text": self.bytes[start:], "position": len(self.bytes), "cut": False,
                         "times": times}}


class Many(unittest.TestCase):
    """Two guests: a has web and db, b has web."""

    def setUp(self):
        self.fleet = fakes.Fleet(["a", "b"]).__enter__()
        self.addCleanup(self.fleet.__exit__, None, None, None)
        self.logs = {"a": {"web": Log(), "db": Log()}, "b": {"web": Log()}}
        self.uptime_ms = 61005
        for name in self.logs:
            self.serve(name)
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.state = os.path.join(temporary.name, "positions.json")

    def serve(self, name):
        answers = self.fleet.guests[name].answers
        logs = self.logs[name]
        answers["Logs"] = lambda fields: (
            logs[fields["service"]].answer(fields) if fields["service"] in logs
            else {"Error": {"message": "no such service"}})
        answers["Metrics"] = lambda _: {"Metrics": dict(
            fakes.HEALTHY["Metrics"]["Metrics"], guest={"uptime_ms": self.uptime_ms},
            services=[service(s) for s in logs] + [service("mvm-guest-agent", built_in=True)])}

    def follow(self, *arguments):
        process = subprocess.Popen([fakes.PROBE, "logs", "--follow", *arguments],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def lines(self, process, count):
        return sorted(process.stdout.readline().rstrip("\n") for _ in range(count))

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        self.assertEqual(process.wait(fakes.SECONDS), 0)
        return rest

    def test_all_kept_in_order(self):
        self.logs["a"]["web"].write("w1\nw2\nno end")
        self.logs["a"]["db"].write("d1\n")
        self.logs["b"]["web"].write("\x1b[2J\n")
        self.assertEqual(probe("logs", self.fleet.directory).stdout,
                         "a/web: w1\na/web: w2\na/web: no end\na/db: d1\nb/web: \x1b[2J\n")
        self.assertEqual(probe("logs", "--search-path", self.fleet.directory, "db").stdout,
                         "a/db: d1\n", "a guest without the service is no failure")
        self.assertEqual(probe("logs", "-n", "1", self.fleet.path("a")).stdout,
                         "a/web: w2\na/web: no end\na/db: d1\n")

    def test_a_service_that_one_guest_does_not_have(self):
        self.logs["a"]["db"].write("d1\n")
        done = probe("logs", self.fleet.path("a"), "db", "typo", status=1)
        self.assertEqual(done.stdout, "a/db: d1\n")
        self.assertIn("no such service", done.stderr)

    def test_a_guest_that_does_not_answer(self):
        self.logs["b"]["web"].write("b1\n")
        self.fleet.guests["a"].answers["Metrics"] = None
        done = probe("logs", "--timeout", "1s", self.fleet.directory, status=3)
        self.assertEqual(done.stdout, "b/web: b1\n")
        self.assertEqual(done.stderr.count("timed out"), 1)

    def test_follow(self):
        self.logs["a"]["web"].write("w1\nhalf")
        process = self.follow(self.fleet.directory)
        self.assertEqual(self.lines(process, 1), ["a/web: w1"])
        self.logs["a"]["web"].write(" a line\n")
        self.logs["b"]["web"].write("b1\nb2\n")
        self.assertEqual(self.lines(process, 3), ["a/web: half a line", "b/web: b1", "b/web: b2"])
        self.logs["b"]["new"] = Log()
        self.logs["b"]["new"].write("n1\n")
        self.fleet.start("c")
        self.logs["c"] = {"web": Log()}
        self.logs["c"]["web"].write("c1\n")
        self.serve("c")
        self.assertEqual(self.lines(process, 2), ["b/new: n1", "c/web: c1"])
        self.assertEqual(self.end(process), "")

    def test_lines_that_the_guest_no_longer_has(self):
        log = self.logs["a"]["web"]
        process = self.follow("--json", self.fleet.path("a"), "web", "db")
        self.logs["a"]["db"].write("d1\n")
        self.lines(process, 1)
        log.write("x" * 5 + "\nkept\n")
        log.oldest = 6
        log.times = [(6, 1795827723456)]
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        self.assertEqual((first["lost"], first["position"]), (True, 6))
        self.assertEqual((second["line"], second["position"], second["time"]),
                         ("kept", 11, "2026-11-28T01:02:03.456Z"))

    def test_positions_from_one_call_to_the_next(self):
        log = self.logs["a"]["web"]
        log.write("w1\nw2\nbegun")
        arguments = ("--state", self.state, self.fleet.path("a"))
        self.assertIn("a/web: w1\na/web: w2\n", probe("logs", *arguments).stdout)
        log.write(" later\n")
        process = self.follow(*arguments)
        self.assertEqual(self.lines(process, 1), ["a/web:  later"])
        log.write("w4\nno e")
        self.assertEqual(self.lines(process, 1), ["a/web: w4"])
        self.assertEqual(self.end(process), "")
        log.write("nd\n")
        self.assertEqual(probe("logs", *arguments).stdout, "a/web: no end\n", "not half of it")
        self.assertEqual(probe("logs", *arguments).stdout, "")

    def test_a_guest_that_has_started_again_begins_anew(self):
        arguments = ("--state", self.state, self.fleet.path("b"))
        self.uptime_ms = 3600000
        self.logs["b"]["web"].write("first\n")
        self.assertEqual(probe("logs", *arguments).stdout, "b/web: first\n")
        self.logs["b"]["web"].bytes = "second boot, longer\n"
        self.uptime_ms = 1000
        self.assertEqual(probe("logs", *arguments).stdout, "b/web: second boot, longer\n")

    def test_a_bad_file_of_positions(self):
        with open(self.state, "w", encoding="utf-8") as f:
            f.write("[]")
        self.assertIn("not a file of positions; remove it",
                      probe("logs", "--state", self.state, self.fleet.path("a"), status=3).stderr)

    def test_since(self):
        now = int(time.time() * 1000)
        log = self.logs["b"]["web"]
        log.write("unknown\n")
        log.write("old\n", now - 3600000)
        log.write("new\n", now - 60000)
        log.write("newest\n", now)
        one = (self.fleet.path("b"), "web")
        self.assertEqual(probe("logs", "--since", "10min", *one).stdout, "new\nnewest\n")
        self.assertEqual(probe("logs", "--since", "2h", *one).stdout, "unknown\nold\nnew\nnewest\n")
        then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now // 1000 - 30))
        self.assertEqual(probe("logs", "--since", then, self.fleet.directory).stdout,
                         "b/web: newest\n")
        self.assertEqual(probe("logs", "--since", "2100-01-01T00:00:00Z", *one).stdout, "")
        self.assertIn("is no time, such as 10min (ago)",
                      probe("logs", "--since", "yesterday", *one, status=2).stderr)
        lines = [json.loads(line) for line in
                 probe("logs", "--json", self.fleet.directory).stdout.splitlines()]
        self.assertEqual([line["time"] is None for line in lines], [True, False, False, False])

    def test_into_a_real_journal(self):
        self.logs["a"]["db"].write("caf\u00e9 = \"x\"\n", 1795827723456)
        self.logs["b"]["web"].write("b1\nb2\n")
        lines = probe("logs", "--json", self.fleet.directory).stdout
        entries = subprocess.run(["jq", "-rj", "-f", EXPORT], input=lines, check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        journal = self.state + ".journal"
        subprocess.run(["/lib/systemd/systemd-journal-remote", "-o", journal, "-"], check=True,
                       input=entries, text=True, stderr=subprocess.DEVNULL)
        read = subprocess.run(["journalctl", "--file", journal, "-o", "json", "--output-fields",
                               "MESSAGE,MVM_POSITION", "MVM_SERVICE=db", "MVM_VM=a"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        entry, = (json.loads(line) for line in read.splitlines())
        self.assertEqual((entry["MESSAGE"], entry["__REALTIME_TIMESTAMP"], entry["MVM_POSITION"]),
                         ('caf\u00e9 = "x"', "1795827723456000", "11"))
        read = subprocess.run(["journalctl", "--file", journal, "-o", "cat", "-t", "b/web"],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual(read, "b1\nb2\n")


if __name__ == "__main__":
    main()
