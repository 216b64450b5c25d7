#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
One service uses up one resource: the guest lives, the agent answers, the neighbours do not notice,
and one line names the attacker. In virtual time, so that host load does not matter.

ATTACK_MEMORY in the environment: the guests' sizes in MiB, such as "64,128,512"; default 128.
ATTACKS: names of the attacks, or "all"; default: those of QUICK.
"""
import os
import re
import time

import cases
import mvm_client
from rig import build
from rig.guest import Guest
from rig.tap import TestCase, main

SIZES = os.environ.get("ATTACK_MEMORY", "128").split(",")
ANSWER_MS = 1000        # virtual
HOLD_MS = 300
PATIENCE_S = 900        # of the host
FIRST_S = 1             # virtual: the neighbours are up by then
# The line of PID 1 about a service that it had to kill.
KILLED = r"signal 9 \(Killed\), the services' memory was used up and it held \d+ MiB after .*"
# The same for an attacker that has ended by itself; its processes are killed.
LEFT_BEHIND = "a daemon that goes into the background needs type = forking"
CAPPED = r"has \d+ of the \d+ tasks allowed for all services: no new processes"

# name: (who says what came of it, a regex, more arguments). "init": PID 1 had to act; "self": the
# service was refused more, and that was all.
ATTACKS = {
    "agent": ("self", "2000 then No error information", "2000"),
    "anonymous": ("init", KILLED),
    "bomb": ("init", CAPPED),
    "files": ("self", "60000 then No error information", "60000"),
    "hugetlb": ("self", "0 then Invalid argument"),
    "inodes": ("self", r"\d+ then No space left on device"),
    "inotify": ("init", KILLED),
    "io-uring": ("init", KILLED),
    "keys": ("self", "0 then Function not implemented"),
    "memfd": ("init", KILLED),
    "mlock": ("self", "8 then Resource temporarily unavailable"),
    "page-tables": ("init", KILLED),
    "pipes": ("init", KILLED),
    "posix-mq": ("self", "9 then No file descriptors available"),
    "posix-shm": ("self", r"\d+ then No space left on device"),
    "signals": ("init", KILLED),
    "sysv-msg": ("self", r"\d+ then No space left on device"),
    "sysv-sem": ("self", "128 then No space left on device"),
    "sysv-shm": ("init", KILLED),
    "threads": ("init", CAPPED),
    "timers": ("init", KILLED),
    "tmp": ("self", r"\d+ then No space left on device"),
    "unix": ("init", KILLED),
    "unix-datagram": ("init", KILLED),
    "watches": ("self", r"\d+ then No such file or directory"),
    "user-namespace": ("self", "0 then No space left on device"),
}
QUICK = ("sysv-shm", "pipes", "files", "bomb", "user-namespace", "memfd", "tmp", "unix")
NAMES = os.environ.get("ATTACKS", ",".join(QUICK)).split(",")
if NAMES == ["all"]:
    NAMES = sorted(ATTACKS)
# Another boot: the kernel frees the memory of io_uring some time after the processes have ended. PID 1
# once killed a neighbour for it, in three of four tries of this.
SLOW_TO_FREE = {"memory_mib": 64, "names": ["io-uring", "pipes", "user-namespace"],
                "begins_alone": False}


class Attacked(TestCase):
    """One boot; each attack is a service of its own, and waits until the one before has ended."""

    memory_mib = None
    names = NAMES
    begins_alone = True     # nothing else happens when the first attack begins

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        guest = Guest("squashfs")
        cls.addClassCleanup(guest.close)
        guest.tree.copy(build.program("attack"), "/bin/attack")
        guest.user("attacker", 1000)
        once = {"user": "attacker", "type": "oneshot", "start_timeout": "600s", "restart": "never"}
        guest.service("begin", "/bin/attack user-namespace %d" % (FIRST_S * 1000), **once)
        for before, name in zip(["begin"] + ["a-" + n for n in cls.names], cls.names):
            more = " ".join((str(HOLD_MS),) + ATTACKS[name][2:])
            when = {"after": before}
            if before == "begin" and not cls.begins_alone:
                when = {"on_boot_delay": "%ds" % FIRST_S}
            guest.service("a-" + name, "/bin/attack %s %s" % (name, more), **when, **once)
        # Neighbours: one of another user, one of the attacker's user, and one that uses the processor.
        guest.service("other", "/bin/facts echo up + sleep")
        guest.service("same-user", "/bin/facts echo up + sleep", user="attacker")
        guest.service("spin", "/bin/acts clock up + spin")
        # In the agent's cgroup: this measures the agent, not slowed-down services.
        guest.service("asks", "/bin/acts put /sys/fs/cgroup/guest/cgroup.procs 0 + /bin/facts "
                      "vsock-latency %d" % mvm_client.PORT, user="root",
                      on_boot_delay="%ds" % FIRST_S)
        guest.service("late", "/bin/facts echo here + sleep", after="a-" + cls.names[-1])
        machine = guest.machine(memory_mib=cls.memory_mib, virtual_time=True, instruction_ns=4)
        machine.log_directory = os.path.join(build.LOGS, cls.__name__)
        cls.addClassCleanup(machine.close)
        machine.start()
        cls.answers = cls.ask_until_late(machine)
        cls.output = cases.Output(machine.console.text)

    @staticmethod
    def ask_until_late(machine):
        """Counts answered requests, one after another until "late" exists."""
        machine.connect_when_up(mvm_client.PORT).close()
        end = time.monotonic() + PATIENCE_S
        answers = 0
        while "late: here" not in machine.console.text and time.monotonic() < end:
            with mvm_client.dial(machine.vsock_path, timeout=PATIENCE_S) as s:
                mvm_client.send(s, b'"Ping"')
                answers += mvm_client.receive(s) == b'"Pong"'
        machine.console.wait_line("late: here", timeout=1)
        machine.console.wait_line("asks: vsock-latency: .*")     # of the last attack, too
        return answers

    def test_the_guest_lives_to_the_end(self):
        self.assertIn("here", self.output.lines("late"))
        self.assertEqual(self.output.text.count("Kernel panic"), 0)

    def test_the_agent_answers_within_a_second(self):
        """Requests come from the host, and from inside the guest, where a busy host does not matter."""
        self.assertGreaterEqual(self.answers, len(self.names))
        line = self.output.facts("asks", "vsock-latency")[-1]
        tries, failures, longest = (int(n) for n in re.findall(r"\d+", line))
        self.assertEqual(self.output.facts("asks", "put"), ["/sys/fs/cgroup/guest/cgroup.procs ok"])
        print("# %s MiB: %d answers; %s" % (self.memory_mib, self.answers, line))
        self.assertGreater(tries, 10 * len(self.names))
        self.assertEqual(failures, 0)
        self.assertLessEqual(longest, ANSWER_MS * 1000)

    def test_neighbours_do_not_notice(self):
        """Nor do the agent and the log collector: no other service has ended."""
        guilty = {"a-" + n for n in self.names}
        ends = [l for l in self.output.init() if re.match(r"[\w-]+: (signal|exit code) ", l)]
        self.assertEqual([l for l in ends if l.split(":")[0] not in guilty], [])
        for name in ("other", "same-user"):
            self.assertEqual(self.output.lines(name), ["up"])
        self.assertEqual(len(self.output.facts("spin", "clock")), 1)

    def test_one_line_names_the_guilty(self):
        for name in self.names:
            who, regex = ATTACKS[name][:2]
            with self.subTest(name):
                said = [l.split(": ", 1)[1] for l in self.output.init()
                        if l.startswith("a-%s: " % name) and not l.endswith(LEFT_BEHIND)]
                if who == "init":
                    self.assertEqual(len(said), 1, self.output.init())
                    self.assertRegex(said[0], "^%s$" % regex)
                else:
                    self.assertEqual(said, [])
                    self.assertRegex(self.output.lines("a-" + name)[0],
                                     "^attack: %s: %s$" % (name, regex))


globals().update({"Attacked" + size: type("Attacked" + size, (Attacked,), {"memory_mib": int(size)})
                  for size in SIZES})
if "ATTACKS" not in os.environ:
    AttackedSlowToFree = type("AttackedSlowToFree", (Attacked,), SLOW_TO_FREE)
del Attacked

if __name__ == "__main__":
    main()
