#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Limits of services: fork bombs, memory hogs, values in the kernel, and kernels without cgroups."""
import cases
from rig import build
from rig.tap import main

GROUPS = "/sys/fs/cgroup/services/"


class Limits:
    oom = True

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "sleep", "cat")
        # Before each run it counts the processes left from the last one.
        guest.service("bomb", "/bin/acts count %sbomb/cgroup.procs + bomb + nap 100" % GROUPS,
                      tasks_max="30", restart_delay="50ms", restart_delay_max="50ms")
        guest.service("hog", "/bin/acts hog", memory_max="32M")
        guest.service("group", "/bin/facts children 5; /bin/acts hog", memory_max="24M")
        guest.service("tmp-hog", "/bin/facts fill /dev/shm/hog + sleep", memory_max="8M",
                      restart="never")
        guest.facts("set", "cat " + " ".join(GROUPS + "set/" + f for f in (
            "memory.max", "memory.high", "memory.oom.group", "cpu.max", "cpu.weight", "pids.max",
            "cgroup.procs")), memory_max="64M", memory_high="48M", memory_swap_max="0",
            cpu_max="150%", cpu_weight="250", tasks_max="17")
        guest.facts("infinite", "cat %sinfinite/memory.max %sinfinite/pids.max" % (GROUPS, GROUPS),
                    memory_max="infinity")
        guest.service("escapes", "/bin/acts put %scgroup.procs 0 + put %sescapes/pids.max max + "
                      "put /sys/fs/cgroup/cgroup.procs 0" % (GROUPS, GROUPS), restart="never")
        guest.service("calm", "/bin/acts nap 1500 + clock still + /bin/facts echo here + sleep")

    @classmethod
    def observe(cls, machine):
        for line in ("bomb: bomb: .*", "bomb: bomb: .*", "bomb: count: .*"):
            machine.console.wait_line(line)
        for line in (r"\[init\] hog: .*", r"\[init\] group: .*", r"\[init\] tmp-hog: .*",
                     "set: done", "infinite: done", "escapes: put: .*/cgroup.procs .*",
                     "calm: here"):
            machine.console.rewind()
            machine.console.wait_line(line)

    def test_a_fork_bomb_is_held(self):
        for line in self.output.facts("bomb", "bomb"):
            self.assertRegex(line, r"^\d+ then EAGAIN$")
            self.assertLess(int(line.split()[0]), 30)

    def test_nothing_of_it_is_left(self):
        """Its processes have their own sessions and ignore TERM."""
        self.assertEqual(set(self.output.facts("bomb", "count")), {GROUPS + "bomb/cgroup.procs 1"})
        self.assertGreaterEqual(len(self.output.facts("bomb", "count")), 3)

    def test_a_hog_is_ended_and_that_is_said(self):
        for name in ("hog", "group"):
            lines = [l for l in self.output.init() if l.startswith(name + ": ")]
            self.assertRegex(lines[0], r"^%s: signal 9 \(Killed\), memory_max was reached after "
                                       r"\d+\.\d s, restart in 0\.1 s$" % name)

    def test_files_in_memory_count(self):
        self.assert_init(r"tmp-hog: signal 9 \(Killed\), memory_max was reached .*, not started again")

    def test_it_got_no_more_than_its_limit(self):
        taken = [int(l.split()[0]) for l in self.output.facts("hog", "hog")]
        self.assertEqual(taken[0], 16)
        self.assertLess(max(taken), 32)

    def test_what_the_kernel_was_told(self):
        for file, value in (("memory.max", 64 << 20), ("memory.high", 48 << 20),
                            ("memory.oom.group", 1), ("cpu.max", "150000 100000"),
                            ("cpu.weight", 250), ("pids.max", 17)):
            self.assert_line("set", "%sset/%s: %s" % (GROUPS, file, value))
        self.assertEqual(len(self.output.facts("set", GROUPS + "set/cgroup.procs")), 1)
        self.assert_line("infinite", GROUPS + "infinite/memory.max: max")
        self.assert_line("infinite", GROUPS + "infinite/pids.max: max")

    def test_no_way_out(self):
        for line in self.output.facts("escapes", "put"):
            self.assertRegex(line, "Permission denied$")
        self.assertEqual(len(self.output.facts("escapes", "put")), 3)

    def test_the_others_do_not_notice(self):
        self.assert_line("calm", "here")


class LimitsOnExt4(Limits, cases.SharedBoot):
    pass


class LimitsOnSquashfs(Limits, cases.SharedBoot):
    root = "squashfs"


class Kernels(cases.GuestCase):
    def test_without_one_controller(self):
        """A service that needs it does not run and says so; the others run."""
        guest = self.guest(agent=False)
        guest.facts("plain", "echo here")
        guest.facts("limited", "echo never", memory_max="32M")
        guest.facts("tasks", "cat %stasks/pids.max" % GROUPS, tasks_max="9")
        machine = self.boot(guest, "cgroup_disable=memory")
        self.wait_init(machine, "limited: cannot set memory.max to 33554432: .*")
        machine.console.rewind()
        machine.console.wait_line("plain: here")
        machine.console.rewind()
        machine.console.wait_line("tasks: %stasks/pids.max: 9" % GROUPS)
        self.assertIn("cgroup controller memory cannot be used: Invalid argument",
                      self.output(machine).init())
        self.assertEqual(self.output(machine).lines("limited"), [])

    def test_without_clone3(self):
        """The child joins its group first; limits hold, and leftover processes die."""
        guest = self.guest(agent=False)
        guest.tree.copy(build.program("fault"), "/bin/fault")
        guest.facts("plain", "cat /proc/self/cgroup %splain/cgroup.procs" % GROUPS)
        guest.service("bomb", "/bin/acts count %sbomb/cgroup.procs + bomb + nap 100" % GROUPS,
                      tasks_max="30", restart_delay="50ms", restart_delay_max="50ms")
        machine = self.boot(guest, arguments="init=/bin/fault", append="-- clone3=ENOSYS /init")
        machine.console.wait_line("plain: done")
        for _ in range(3):
            machine.console.rewind()
            machine.console.wait_line(r"bomb: bomb: \d+ then EAGAIN")
        machine.console.wait_line("bomb: count: .*")
        output = self.output(machine)
        self.assertEqual(output.facts("plain", "/proc/self/cgroup"), ["0::/services/plain"])
        self.assertEqual(len(output.facts("plain", GROUPS + "plain/cgroup.procs")), 1)
        self.assertEqual(set(output.facts("bomb", "count")), {GROUPS + "bomb/cgroup.procs 1"})
        self.assertEqual([l for l in output.init() if l.startswith("plain: ")], [])

    def test_without_any(self):
        """No /sys in a read-only image: process groups take the place of cgroups."""
        guest = self.guest("squashfs", agent=False)
        guest.tree.remove("/sys")
        guest.facts("plain", "echo here")
        guest.facts("limited", "echo never", tasks_max="9")
        guest.service("crash", "/bin/facts children 3 + exit 1")
        guest.service("stubborn", "/bin/facts children 3 + stubborn")
        guest.service("daemon", "/bin/facts daemon + sleep")
        machine = self.boot(guest)
        self.wait_init(machine, "limited: no cgroups: cannot enforce its limits: .*")
        machine.console.rewind()
        machine.console.wait_line("plain: here")
        machine.console.rewind()
        self.wait_init(machine, r"crash: exit code 1 .*\(number 3 in a row\)")
        machine.console.rewind()
        machine.console.wait_line("daemon: stubborn: .*")
        machine.ctrl_alt_del()
        self.wait_init(machine, "stubborn: does not stop on TERM: killed")
        self.wait_init(machine, "goodbye")
        self.assertEqual(machine.wait(), 0)


if __name__ == "__main__":
    main()
