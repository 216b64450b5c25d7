# SPDX-License-Identifier: MIT
"""
Base classes for the suites of guests with our PID 1.

GuestCase     boots in each test; every console is checked for words that a host takes for a crash
SharedBoot    one boot for all tests of a class, which look at what the guest has printed

Import the module, not the classes: the loader would take them for tests of the importing suite.
"""
import os
import re

from rig import build
from rig.guest import Guest
from rig.tap import TestCase

# Texts that mvmctl's diagnosis searches on a guest's console.
CRASH_WORDS = re.compile(r"Kernel panic|Out of memory|Killed process|BUG:|Call Trace:|oom-kill:|"
                         r"invoked oom-killer")
# Lines of PID 1 when it cannot keep up or gives up.
LATE = re.compile(r"console lines dropped|some processes do not end")

_KERNEL_TROUBLE = re.compile(r"Kernel panic|BUG:")
# A system call that a program of ours makes and its own filter does not know: base/syscall_cage.c.
REFUSED = re.compile(r"is not on its list, and was refused")
_KERNEL_TRACE = re.compile(r"Call Trace:")


class Output:
    """A guest's console, sorted by speaker."""

    def __init__(self, text):
        self.text = text

    def lines(self, name):
        """The lines of the service of this name, without its tag."""
        return re.findall(r"^%s: (.*)$" % re.escape(name), self.text, re.M)

    def init(self):
        """The lines of PID 1, without its tag."""
        return re.findall(r"^\[init\] (.*)$", self.text, re.M)

    def facts(self, name, fact):
        """As lines(), only those that begin with "FACT: ", without it."""
        return [l[len(fact) + 2:] for l in self.lines(name) if l.startswith(fact + ": ")]

    def mounts(self, name):
        """{mount point: (type, source, options, super options)}, the options as sets; latest wins."""
        table = {}
        for line in self.facts(name, "mountinfo"):
            f, after = (part.split() for part in line.split(" - "))
            table[f[4]] = (after[0], after[1], set(f[5].split(",")), set(after[2].split(",")))
        return table

    def trouble(self, drops=False, oom=False):
        """
        Lines that must not be on any console: a crash of the kernel, a word in PID 1's own lines that a
        host takes for a crash, and, unless `drops`, lost lines and processes that did not end in
        time. With `oom`, the kernel may report that memory ran out.
        """
        found = [l for l in self.text.splitlines()
                 if _KERNEL_TROUBLE.search(l) or (_KERNEL_TRACE.search(l) and not oom)]
        found += [l for l in self.init() if CRASH_WORDS.search(l)]
        found += [l for l in self.text.splitlines() if REFUSED.search(l)]
        return found + [l for l in self.init() if LATE.search(l) and not drops]


def quick(options):
    """Options of a machine that boots quickly; those of long idle times say apic_timer themselves."""
    one = options.get("cpus", 1) == 1 and not options.get("pci")
    return {"apic_timer": False, **options} if one else options


def add_remote(guest):
    """A root shell on the console, for GuestCase.do()."""
    guest.busybox("sh", "stty")
    guest.service("remote", "exec </dev/console; stty -echo; echo ready; while read -r line; do eval "
                  "\"$line\"; echo did $line; done", user="root")


class GuestCase(TestCase):
    """Boots in each test."""

    drops = False       # too much for the console or the shutdown
    oom = False         # the test has a service reach its memory_max

    def boot(self, guest, append="", **options):
        return super().boot(guest, append, **quick(options))

    def start(self, machine):
        self.addCleanup(self._check_console, machine)
        return super().start(machine)

    def _check_console(self, machine):
        if machine.console is not None:
            self.assertEqual(Output(machine.console.text).trouble(self.drops, self.oom), [])

    def output(self, machine):
        return Output(machine.console.text)

    def do(self, machine, line):
        """Has the shell of add_remote() do a line; waits until it has, and rewinds the console."""
        machine.console.rewind()
        machine.console.wait_line("remote: ready")
        machine.type(line + "\n")
        machine.console.wait_line("remote: did " + re.escape(line))
        machine.console.rewind()

    def wait_init(self, machine, regex, timeout=60):
        """Waits for a line of PID 1."""
        return machine.console.wait_line(r"\[init\] " + regex, timeout)

    def end(self, machine, timeout=60):
        """Ends the guest as a host does, in order."""
        machine.ctrl_alt_del()
        self.wait_init(machine, "goodbye", timeout)
        self.assertEqual(machine.wait(), 0)


class SharedBoot(TestCase):
    """
    One boot for all tests of a class.

    prepare(guest)      a class method that fills the guest
    observe(machine)    a class method that waits until the guest has printed what the tests look at
    root, options, append, arguments    as for Guest and Guest.machine()

    The tests find .guest_, .machine and .output, the console after observe().
    """

    root = "ext4"
    writable = None
    append = ""
    arguments = None
    options = {}
    drops = False
    oom = False
    shared_log = True

    @classmethod
    def prepare(cls, guest):
        raise NotImplementedError

    @classmethod
    def observe(cls, machine):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guest_ = Guest(cls.root, writable=cls.writable)
        cls.addClassCleanup(cls.guest_.close)
        cls.prepare(cls.guest_)
        cls.machine = cls.guest_.machine(cls.append, cls.arguments, **quick(cls.options))
        cls.machine.log_directory = os.path.join(build.LOGS, cls.__name__)
        cls.addClassCleanup(cls.machine.close)
        cls.machine.start()
        cls.observe(cls.machine)
        cls.output = Output(cls.machine.console.text)

    def log_directory(self):
        return os.path.join(build.LOGS, type(self).__name__)

    def test_console_shows_no_trouble(self):
        self.assertEqual(Output(self.machine.console.text).trouble(self.drops, self.oom), [])

    # Checks that several suites make

    def assert_line(self, name, line):
        """A service has printed this line."""
        self.assertIn(line, self.output.lines(name))

    def assert_init(self, regex, count=1):
        """PID 1 has printed `count` lines that the regex matches as a whole."""
        matching = [l for l in self.output.init() if re.fullmatch(regex, l)]
        self.assertEqual(len(matching), count, "\n".join(self.output.init()))
