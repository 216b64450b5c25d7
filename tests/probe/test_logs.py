#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logs for machines: one object a line, nothing lost between answers, gaps told."""
import json
import subprocess
import unittest

import fakes
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


if __name__ == "__main__":
    main()
