# SPDX-License-Identifier: MIT
"""
Tests of virtual machines: unittest with TAP output, and the logs of failed tests kept.

    from rig.tap import TestCase, main

    class Boot(TestCase):
        def test_says_hello(self):
            machine = self.boot(guest)

    if __name__ == "__main__":
        main()

A suite run as a program takes names of tests to run (part of a name is enough), or runs all.
"""
import os
import re
import shutil
import signal
import sys
import traceback
import unittest

from . import build
from .guest import Guest


class TestCase(unittest.TestCase):
    """Has boot() and guest(), which clean up after the test and keep its logs if it failed."""

    maxDiff = None
    shared_log = False      # the log directory is the class's, and stays

    def log_directory(self):
        """Directory of this test's logs while it runs, and afterwards if it failed."""
        return os.path.join(build.LOGS, re.sub(r"[^\w.]+", "-", self.id().replace("__main__.", "")))

    def guest(self, *arguments, **options):
        """A Guest for this test."""
        guest = Guest(*arguments, **options)
        self.addCleanup(guest.close)
        return guest

    def boot(self, guest, append="", **options):
        """Boots a Guest; the machine ends with the test at the latest."""
        return self.start(guest.machine(append, **options))

    def start(self, machine):
        """Starts a Machine; it ends with the test at the latest."""
        boots = getattr(self, "_boots", 0) + 1
        self._boots = boots
        machine.log_directory = os.path.join(self.log_directory(), "boot-%d" % boots)
        self.addCleanup(machine.close)
        return machine.start()


def x86_64_only(reason):
    """Skips a test, or all of a class, in guests of another architecture; the reason is printed."""
    return unittest.skipUnless(build.GUEST_ARCH == "x86_64", "x86_64 only: " + reason)


class _Result(unittest.TestResult):
    """Prints a TAP line a test, and removes the logs of the ones that passed."""

    def __init__(self, stream):
        super().__init__()
        self._out = stream
        self._outcome = None

    def _print(self, text):
        self._out.write(text + "\n")
        self._out.flush()

    def startTest(self, test):
        super().startTest(test)
        self._outcome = ("ok", "", "")
        if isinstance(test, TestCase) and not test.shared_log:
            shutil.rmtree(test.log_directory(), ignore_errors=True)

    def stopTest(self, test):
        super().stopTest(test)
        verdict, directive, details = self._outcome
        name = test.id().replace("__main__.", "")
        self._print("%s %d - %s%s" % (verdict, self.testsRun, name, directive))
        for line in details.splitlines():
            self._print("# " + line)
        if not isinstance(test, TestCase):
            return
        if verdict == "ok":
            if not test.shared_log:
                shutil.rmtree(test.log_directory(), ignore_errors=True)
        elif os.path.isdir(test.log_directory()):
            self._print("# logs: " + os.path.relpath(test.log_directory(), build.ROOT))

    def _failed(self, error, where=""):
        details = where + "".join(traceback.format_exception(*error))
        if self._outcome[0] != "ok":
            details = self._outcome[2] + details
        self._outcome = ("not ok", "", details)

    def addError(self, test, err):
        if not isinstance(test, unittest.TestCase):     # setUpClass, an import
            self.testsRun += 1
            self._outcome = None
            self._print("not ok %d - %s" % (self.testsRun, test))
            self._print("# " + "".join(traceback.format_exception(*err)).replace("\n", "\n# "))
            super().addError(test, err)
            return
        super().addError(test, err)
        self._failed(err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._failed(err, "in %s:\n" % subtest._subDescription())

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._outcome = ("ok", " # SKIP " + reason, "")


def main(module="__main__"):
    """Runs the module's tests and exits with 0 when all passed."""
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    tests = [t for t in _flatten(suite)
             if len(sys.argv) < 2 or any(word in t.id() for word in sys.argv[1:])]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that machines are ended
    print("TAP version 13\n1..%d" % len(tests), flush=True)
    result = _Result(sys.stdout)
    unittest.TestSuite(tests).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


def _flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flatten(item)
        else:
            yield item
