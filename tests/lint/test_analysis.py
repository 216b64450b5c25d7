#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What static analysis finds in the programs: gcc's analyzer, clang-tidy, cppcheck; pylint for the
rigs. A finding that is none is named here, with the reason. What was clean is not looked at again until
it changes: clean.py.
"""
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
import clean  # noqa: E402
import source  # noqa: E402
from rig.build import BUILD  # noqa: E402
from rig.tap import main  # noqa: E402

PROGRAMS = ("agent", "base", "init", "mounts", "probe", "protocol", "supervisor")

OWNED = "the struct that it is given to owns it, which gcc does not see across files"
KEPT = "the caller has it in an array, or it stays open under a number of its own"
# (file, gcc's name of the warning): why it is a false alarm.
ANALYZER = {
    ("agent/agent_options.c", "null-argument"): "an option that takes a value comes with one",
    ("agent/checks/definition.c", "malloc-leak"): OWNED,
    ("agent/checks/job.c", "fd-leak"): KEPT,
    ("agent/checks/job.c", "malloc-leak"): OWNED,
    ("agent/requests/processes.c", "malloc-leak"): OWNED,
    ("agent/requests/restore.c", "malloc-leak"): OWNED,
    ("agent/sessions/forward.c", "use-after-free"): "each is taken out of the list before it is freed",
    ("agent/sessions/tcp_peer.c", "possible-null-argument"): "without a file nothing is read",
    ("base/launcher_thread.c", "fd-leak"): KEPT,
    ("base/passed.c", "fd-leak"): "both ends are closed where there is a pipe",
    ("base/relay.c", "malloc-leak"): OWNED,
    ("base/spawn.c", "fd-leak"): KEPT,
    ("base/strings.c", "malloc-leak"): OWNED,
    ("init/agent.c", "fd-leak"): "a listening socket is returned",
    ("init/console.c", "fd-leak"): KEPT,
    ("init/helper.c", "fd-leak"): KEPT,
    ("init/control.c", "null-dereference"): "a job is begun only for a verb of the table",
    ("mounts/overlay_changes.c", "fd-leak"): "its process ends with it",
    ("probe/verbs/copy.c", "null-argument"): "one of the two names is the guest's, which is asked first",
    ("probe/verbs/events.c", "null-dereference"): "there is always a first round",
    ("probe/verbs/exporter.c", "null-dereference"): "no scrape is refused without a key",
    ("probe/wire/http_server.c", "null-dereference"): "a request that is complete has a line end",
    ("supervisor/collector_link.c", "fd-leak"): KEPT,
    ("supervisor/index.c", "malloc-leak"): OWNED,
    ("supervisor/load.c", "null-dereference"): "without a config there is an error",
    ("supervisor/syscall_filter.c", "use-of-uninitialized-value"):
        "the search stays within the runs that were put together",
}
# Families whose checks find faults, not matters of taste.
TIDY = ",".join((
    "-*", "bugprone-*", "cert-flp30-c", "misc-misplaced-const",
    "misc-redundant-expression",
    # Matters of taste, or covered better by the compilers' own warnings:
    "-bugprone-assignment-in-if-condition", "-bugprone-branch-clone",
    "-bugprone-easily-swappable-parameters", "-bugprone-implicit-widening-of-multiplication-result",
    "-bugprone-macro-parentheses", "-bugprone-multi-level-implicit-pointer-conversion",
    "-bugprone-narrowing-conversions", "-bugprone-not-null-terminated-result",
    "-bugprone-reserved-identifier", "-bugprone-sizeof-expression",
    "-bugprone-suspicious-include",
    "-bugprone-switch-missing-default-case", "-bugprone-too-small-loop-variable"))
CPPCHECK = ["--enable=warning,performance,portability", "--inline-suppr", "--quiet", "--std=c11",
            "--error-exitcode=1", "--suppress=missingIncludeSystem", "-I.", "-D_GNU_SOURCE",
            "-D__x86_64__", "-D__typeof__(x)=int", "--template={file}:{line}: {id}: {message}",
            # Checks that cannot see into this project's functions:
            "--suppress=invalidPrintfArgType_uint",
            # A buffer of struct buf is not seen as written; a list that memory_must() has made, and
            # an inquiry of a first round, are not seen as there. gcc's analyzer looks for both.
            "--suppress=uninitvar:probe/*", "--suppress=nullPointer:probe/*",
            "--suppress=ctunullpointer:probe/*",
            # Newer ones: the same buffers elsewhere, a calloc() that is looked at with its error, the
            # assembly of a clone; and what is no finding.
            "--suppress=uninitvar:protocol/*", "--suppress=uninitvar:supervisor/*",
            "--suppress=nullPointerOutOfMemory:supervisor/load.c",
            "--suppress=syntaxError:base/clone_sharing.c",
            "--suppress=normalCheckLevelMaxBranches", '-DPROGRAM_VERSION="0"',
            '-DPROGRAM_COMMIT="0"']
# What makes a program wrong, not what makes it ugly.
PYLINT = ["--disable=all", "--enable=E,F,W0101,W0104,W0106,W0109,W0120,W0122,W0124,W0125,"
          "W0127,W0128,W0129,W0143,W0150,W0199,W0301,W0402,W0404,W0406,W0410,W0611,W0612,W0622,"
          "W0631,W0702,W0711,W1113,W1114,W1404,W1501,W1503,W1508", "--disable=E0401,E0611,E1101,E1120,E1126",
          "--score=n", "--msg-template={path}:{line}: {msg_id} {msg}"]


def commands():
    """(source, the compiler's arguments for it) of the programs."""
    found = clean.commands(PROGRAMS, ("-I", "-isystem", "-D", "-std", "-f"))
    return [(path, [w for w in words if not w.startswith((
        "-fsanitize", "-fdiagnostics", "-fno-omit"))]) for path, words in found]


class Programs(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.commands = commands()
        cls.directory = os.path.join(BUILD, "meson-unit")

    def run_on_each(self, tool, arguments, regex, known=()):
        """
        What a command says of each source, as the regex's groups; known: (source, last group) of what is
        left out.
        """
        found = []
        for path, flags in self.commands:
            words = arguments(os.path.join(source.ROOT, path), flags)
            mark = clean.Mark(tool, words, [path], repr(sorted(known)))
            if mark.is_set():
                continue
            r = subprocess.run([*tool, *words], check=False, cwd=self.directory,
                               capture_output=True, text=True)
            said = [(os.path.relpath(os.path.join(self.directory, s[0]), source.ROOT),) + s[1:]
                    for s in re.findall(regex, r.stdout + r.stderr, re.M)]
            if r.returncode and not said:
                self.fail("%s: %s" % (path, r.stderr[-2000:]))
            new = [s for s in said if (s[0], s[-1]) not in known]
            if not new:
                mark.set()
            found += new
        return found

    def test_there_are_many(self):
        self.assertGreater(len(self.commands), 100)

    def test_the_analyzer_of_gcc(self):
        found = self.run_on_each(
            ["gcc"],
            lambda path, flags: [*flags, "-O1", "-fanalyzer", "-c", "-o", "/dev/null", path],
            r"^([^:\s]+):(\d+):\d+: warning: (.*) \[-Wanalyzer-([\w-]+)\]", ANALYZER)
        self.assertEqual(["%s:%s: %s [%s]" % f for f in found], [])

    def test_clang_tidy(self):
        found = self.run_on_each(
            ["clang-tidy"],
            lambda path, flags: ["--quiet", "--checks=" + TIDY, path, "--", *flags],
            r"^([^:\s]+):(\d+):\d+: (?:warning|error): (.*)")
        self.assertEqual(["%s:%s: %s" % f for f in found], [])

    def test_cppcheck(self):
        paths = source.files(*("%s/*.[ch]" % p for p in PROGRAMS))
        self.assertGreater(len(paths), 200)
        mark = clean.Mark(["cppcheck"], CPPCHECK, paths)
        if mark.is_set():
            return
        r = subprocess.run(["cppcheck", *CPPCHECK, *PROGRAMS], check=False, cwd=source.ROOT,
                           capture_output=True, text=True)
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        mark.set()


class Rigs(unittest.TestCase):
    def test_pylint(self):
        paths = source.files("tests/*.py", "nix/*.py")
        self.assertGreater(len(paths), 40)
        ours = subprocess.run([sys.executable, "-c", "import pylint"], check=False,
                              capture_output=True).returncode == 0
        tool = [sys.executable, "-m", "pylint"] if ours else ["pylint"]
        mark = clean.Mark(tool, PYLINT, paths)
        if mark.is_set():
            return
        r = subprocess.run([*tool, *PYLINT, *paths], check=False, cwd=source.ROOT,
                           capture_output=True, text=True)
        said = [l for l in r.stdout.splitlines() if not l.startswith("***")]
        self.assertEqual((said, r.stderr), ([], ""))
        mark.set()


if __name__ == "__main__":
    main()
