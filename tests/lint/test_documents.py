#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Documents match the programs: tables, commands, manual pages."""
import difflib
import glob
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "tools")]
import documents  # noqa: E402
from rig.tap import main  # noqa: E402


def relative(path):
    return os.path.relpath(path, documents.ROOT)


class Generated(unittest.TestCase):
    maxDiff = None

    def test_tables_are_those_of_the_programs(self):
        for document in documents.DOCUMENTS:
            with self.subTest(document):
                difference = list(difflib.unified_diff(
                    documents.current(document).splitlines(),
                    documents.wanted(document).splitlines(), document, "print-tables", "", "", 0))
                if difference:
                    self.fail("out of date; run: make docs\n" + "\n".join(difference))


    def test_every_handler_of_the_table_is_explained(self):
        printed = subprocess.run([documents.PROGRAM, "machine"], check=True, capture_output=True,
                                 text=True).stdout
        cells = {cell.strip() for row in printed.splitlines()[2:] for cell in row.split("|")[2:]}
        rows = re.findall(r"(?m)^\| ([a-z_, ]+) \|", documents.current("doc/supervision.md"))
        explained = {name for row in rows for name in row.split(", ")}
        self.assertEqual(cells - explained - {"", "-"}, set())


class Manual(unittest.TestCase):
    PAGES = sorted(glob.glob(os.path.join(documents.ROOT, "man", "*.[1-9]")))

    def test_there_are_pages(self):
        names = {os.path.basename(p) for p in self.PAGES}
        self.assertEqual({"init.8", "mvm-service.5", "mvm-init.ini.5", "mvm-guest-agent.8",
                          "mvm-probe.1", "mvm-protocol.7"} - names, set())

    def test_mandoc_has_no_complaints(self):
        for page in self.PAGES:
            with self.subTest(relative(page)):
                r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], check=False,
                                   capture_output=True, text=True)
                self.assertEqual((r.returncode, r.stdout + r.stderr), (0, ""))

    def named(self, page, macro):
        """The words behind a macro in a page."""
        lines = documents.current("man/" + page).splitlines()
        return {word for line in lines if line.startswith(macro + " ") for word in line.split()[1:]}

    def test_init_ini_names_every_key(self):
        table = documents.current("init/settings.c")
        keys = set(re.findall(r'(?:TEXT\(|\{ )"(?:guest|drives)", "(\w+)"', table))
        self.assertGreaterEqual(len(keys), 7)
        self.assertEqual(keys - self.named("mvm-init.ini.5", ".It"), set())

    def test_init_names_every_signal_and_word_of_the_kernel(self):
        signals = set(re.findall(r"(?m)^\t\{ (SIG\w+),", documents.current("init/signals.c")))
        self.assertGreaterEqual(len(signals), 6)
        self.assertEqual(signals - {"SIGCHLD"} - self.named("init.8", ".It"), set())
        words = set(re.findall(r'"(mvm\.\w+|ip)"', documents.current("init/network_config.c")))
        self.assertGreaterEqual(len(words), 4)
        shown = {w.split("=")[0] for w in self.named("init.8", ".It")}
        self.assertEqual(words - shown, set())

    def test_service_names_every_system_call_of_every_tier(self):
        table = documents.current("supervisor/syscall_filter.c")
        text = documents.current("man/mvm-service.5").split("\n.Sh SYSTEM CALLS\n")[1]
        for macro, tier, more in (
                ("ONLY_UNRESTRICTED", "network", {"clone", "unshare", "clone3"}),
                ("FROM_STANDARD", "minimal", set()), ("FROM_MINIMAL", "essential", {"clone"})):
            with self.subTest(tier):
                refused = set(re.findall(r"\b%s\((\w+)\)[,\n]" % macro, table)) | more
                self.assertGreater(len(refused), 15)
                part = re.split(r"\n\.(?:It Cm|El\n\.Pp)", text.split("\n.It Cm %s\n" % tier)[1])[0]
                shown = set()
                for line in re.findall(r"\.(?:Pq )?Li ([^.\n]*)", part):
                    shown |= {word for word in line.split() if word not in (",", "and")}
                groups = {word[:-1] for word in shown if word.endswith("*")}
                self.assertEqual({c for c in refused if c[:3] not in groups},
                                 {c for c in shown if not c.endswith("*")})

    def test_pages_of_ours_that_are_referred_to_exist(self):
        ours = {os.path.basename(p) for p in self.PAGES}
        for page in self.PAGES:
            with open(page, encoding="utf-8") as f:
                words = [line.split() for line in f if line.startswith(".Xr ")]
            for name, section in (w[1:3] for w in words):
                if name.startswith("mvm-") or (name, section) == ("init", "8"):
                    with self.subTest(relative(page), refers_to=name):
                        self.assertIn("%s.%s" % (name, section), ours)


class Links(unittest.TestCase):
    """Documents for people: README, SECURITY, doc/."""

    PAGES = sorted(p for pattern in ("*.md", "doc/*.md", "tests/*.md", "nix/*.md")
                   for p in glob.glob(os.path.join(documents.ROOT, pattern)))

    def broken(self, page, text):
        """Links whose file or heading does not exist."""
        found = []
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = os.path.join(os.path.dirname(page), path) if path else page
            if not os.path.exists(there):
                found.append(target)
            elif anchor:
                with open(there, encoding="utf-8") as f:
                    headings = re.findall(r"(?m)^#+ (.*)$", f.read())
                names = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
                if anchor not in names:
                    found.append(target)
        return found

    def test_links_lead_somewhere(self):
        self.assertGreater(len(self.PAGES), 4)
        for page in self.PAGES:
            with self.subTest(relative(page)), open(page, encoding="utf-8") as f:
                self.assertEqual(self.broken(page, f.read()), [])

    def test_a_dead_link_would_be_found(self):
        here = os.path.join(documents.ROOT, "README.md")
        self.assertEqual(self.broken(here, "[a](doc/nothing.md) [b](README.md#no-such)"),
                         ["doc/nothing.md", "README.md#no-such"])

    def test_files_that_the_guides_name_are_there(self):
        """Paths of the sources in backquotes, such as `init/boot.c`."""
        tops = "base|init|mounts|supervisor|protocol|agent|probe|nix|man|doc|tests|contrib"
        for page in self.PAGES:
            with open(page, encoding="utf-8") as f:
                names = re.findall(r"`((?:%s)/[\w./-]+\.\w+)`" % tops, f.read())
            for name in names:
                with self.subTest(relative(page), names=name):
                    self.assertTrue(os.path.exists(os.path.join(documents.ROOT, name)))


class Readme(unittest.TestCase):
    def test_is_short(self):
        with open(os.path.join(documents.ROOT, "README.md"), encoding="utf-8") as f:
            self.assertLess(len(f.readlines()), 150)

    def test_shows_the_commands(self):
        with open(os.path.join(documents.ROOT, "README.md"), encoding="utf-8") as f:
            text = f.read()
        for command in ("make demo", "make check", "make bench"):
            self.assertTrue(command in text, command)


if __name__ == "__main__":
    main()
