#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs as they are shipped: small, static, stripped; and built by two compilers."""
import json
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
import clean  # noqa: E402
import source  # noqa: E402
from rig.build import BUILD, built  # noqa: E402
from rig.tap import main  # noqa: E402

PROGRAMS = ("agent", "base", "init", "mounts", "probe", "protocol", "supervisor", "tests")

with open(os.path.join(HERE, "..", "..", "release-sizes.json"), encoding="utf-8") as _sizes:
    LIMITS = json.load(_sizes)


def readelf(option, program):
    return subprocess.run(["readelf", "--wide", option, built(program)], check=True,
                          capture_output=True, text=True, env=dict(os.environ, LC_ALL="C")).stdout


class Release(unittest.TestCase):
    def test_sizes(self):
        for program, limit in LIMITS.items():
            with self.subTest(program):
                self.assertLessEqual(os.path.getsize(built(program)), limit)

    def test_static(self):
        """No loader, no libraries, and nothing to relocate at start."""
        for program in LIMITS:
            with self.subTest(program):
                headers = readelf("--program-headers", program)
                self.assertIn("Elf file type is EXEC", headers)
                self.assertNotRegex(headers, r"\b(?:INTERP|DYNAMIC)\b")

    def test_stripped(self):
        for program in LIMITS:
            with self.subTest(program):
                self.assertNotRegex(readelf("--sections", program), r"\.(?:symtab|debug_\w+)\b")

    def test_no_executable_stack(self):
        for program in LIMITS:
            with self.subTest(program):
                stack = re.search(r"GNU_STACK .* (\S+) +0x\w+$",
                                  readelf("--program-headers", program), re.M)
                self.assertEqual(stack.group(1), "RW")

    def test_each_tells_its_version(self):
        for program in LIMITS:
            with self.subTest(program):
                r = subprocess.run([built(program), "--version"], check=True, capture_output=True,
                                   text=True)
                self.assertRegex(r.stdout, r"\A(?:init|%s) .*\d\.\d\.\d(?: \(commit [0-9a-f]{12}\))?\n\Z" % program)


class Compilers(unittest.TestCase):
    def test_clang_has_no_warning(self):
        """
        gcc is covered already: "make release" and "make unit" fail at a warning. clang's come before it
        generates code, so it generates none; "make soak" builds all with it.
        """
        files = clean.commands(PROGRAMS, ("-I", "-isystem", "-D", "-std", "-W"))
        self.assertGreater(len(files), 200)
        said = ""
        for path, flags in files:
            words = [*flags, "-Werror", "-Wno-unknown-warning-option", "-fsyntax-only",
                     os.path.join(source.ROOT, path)]
            mark = clean.Mark(["clang"], words, [path])
            if mark.is_set():
                continue
            r = subprocess.run(["clang", *words], check=False, capture_output=True, text=True,
                               cwd=os.path.join(BUILD, "meson-unit"))
            if r.returncode == 0:
                mark.set()
            said += r.stderr
        self.assertEqual(said, "")


if __name__ == "__main__":
    main()
