#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every parser of untrusted bytes has a fuzz target, or a reason, in tests/fuzz/README.md."""
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
import source  # noqa: E402
from rig.tap import main  # noqa: E402

PROGRAMS = ("agent", "base", "init", "mounts", "probe", "protocol", "supervisor")
# A public function whose name says that it takes text or bytes apart.
PARSER = re.compile(r"(?m)^[a-z][\w *]*?\b(\w*_(?:parse|decode|read|recover|each|identify|from_cmdline)"
                    r"(?:_\w+)?)\(")
# What reads a socket.
RECEIVES = re.compile(r"\brecv(?:from|msg)?\(")
README = "tests/fuzz/README.md"


def table():
    """{function or module: the cell that says who fuzzes it} of the document's table."""
    rows = re.findall(r"(?m)^\| `([^|]+)` \| ([^|]+) \|", source.read(README))
    return {name: target.strip() for cell, target in rows for name in cell.split("`, `")}


class Targets(unittest.TestCase):
    def test_every_parser_is_in_the_table(self):
        listed = table()
        found = set()
        for path in source.files("*.h"):
            if path.split("/")[0] in PROGRAMS:
                found |= {(path, name) for name in PARSER.findall(source.c_code(source.read(path)))}
        self.assertGreater(len(found), 20)
        missing = sorted("%s: %s()" % f for f in found if f[1] not in listed)
        self.assertEqual(missing, [], "not in the table of " + README)

    def test_every_receiver_is_in_the_table(self):
        listed = table()
        found = [p for p in source.files("*.c") if p.split("/")[0] in PROGRAMS
                 and RECEIVES.search(source.c_code(source.read(p)))]
        self.assertGreater(len(found), 10)
        self.assertEqual([p for p in found if p not in listed], [], "not in the table of " + README)

    def test_every_target_of_the_table_exists(self):
        targets = {m for cell in table().values() for m in re.findall(r"`fuzz_(\w+)`", cell)}
        there = {os.path.basename(p)[5:-2] for p in source.files("tests/fuzz/fuzz_*.c")}
        self.assertGreater(len(there), 5)
        self.assertEqual(targets, there)


if __name__ == "__main__":
    main()
