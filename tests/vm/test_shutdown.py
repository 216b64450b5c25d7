#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The end of a guest: always in time, with clean drives, and by a reset that ends the VMM."""
import re

import cases
from rig import images
from rig.tap import main

BUDGET = 1.8        # seconds, of the two that hosts give


def hostile(guest):
    """Services that resist their end, in every state of a service."""
    guest.busybox("sh", "sleep", "mount", "mkdir", "unshare")
    guest.drive("mvm-data", tree=images.Tree().directory("/fixed"))
    guest.service("stubborn", "/bin/facts stubborn")
    guest.service("confined", "/bin/facts stubborn", private_tmp="yes", seccomp="essential",
                  read_only_paths="/mnt/data/fixed /mnt", working_directory="/mnt/data/fixed")
    guest.service("patient", "/bin/facts stubborn", stop_timeout="10s")
    guest.service("root", "/bin/facts stubborn", user="root")
    guest.service("daemon", "/bin/facts daemon + stubborn")
    guest.service("stopped", "kill -STOP $$; /bin/facts stubborn")
    guest.service("children", "/bin/facts children 20 + stubborn")
    guest.service("spins", "/bin/acts spin", nice="19")
    guest.service("prepares", "/bin/facts sleep", pre_start="/bin/facts stubborn")
    guest.service("backs-off", "/bin/absent")
    guest.service("waits", "/bin/facts sleep", after="unready", requires="unready")
    guest.service("unready", "/bin/facts stubborn", ready="notify")
    guest.service("later", "/bin/facts echo never", on_boot_delay="1h")
    guest.service("writes", "while :; do echo more >>/mnt/data/file; done", user="root", nice="19")
    guest.service("mounts", "mkdir -p /mnt/data/a /run/x && mount -o bind /mnt/data /run/x && mount "
                  "-t tmpfs none /run/x/a && unshare -m sleep 10000", user="root")
    guest.service("polite", "/bin/acts trap bye")
    guest.integration("check", health_cmd="/bin/facts stubborn", health_timeout_secs=600)
    return guest


def assert_clean(case, guest):
    """Both writable file systems were unmounted cleanly."""
    case.assertTrue(images.is_clean(guest.drives[0].path))
    images.check(guest.drives[0].path)
    if guest.writable:
        case.assertTrue(images.is_clean(guest.root_image()))
        images.check(guest.root_image())


class InTime:
    """
    A service prints the time and then ends the guest. In virtual time, with a processor that never
    halts: otherwise time would leap whenever the guest waits for a disk.
    """

    options = {"virtual_time": True}
    append = "idle=poll"
    signal = 15

    @classmethod
    def prepare(cls, guest):
        hostile(guest)
        guest.service("ends", "/bin/acts nap 1000 + clock now + kill 1 %d" % cls.signal,
                      user="root", restart="never")

    @classmethod
    def observe(cls, machine):
        machine.console.wait("reboot: Restarting system")
        machine.wait()

    def test_within_the_budget(self):
        begin = float(self.output.facts("ends", "clock")[0].split()[1])
        end = float(re.search(r"^\[ *(\d+\.\d+)\] reboot: Restarting system", self.output.text,
                              re.M).group(1))
        self.assertLessEqual(end - begin, BUDGET)
        self.assertGreater(end - begin, 1)      # they had one second

    def test_services_were_asked_first(self):
        self.assert_line("stubborn", "got: signal 15")
        self.assert_line("root", "got: signal 15")
        self.assertEqual(len([l for l in self.output.lines("daemon")
                              if l == "got: signal 15"]), 2)
        self.assertEqual(self.output.lines("polite"), ["trap: set", "trap: bye"])

    def test_who_resists_is_named(self):
        for name in ("stubborn", "confined", "patient", "root", "daemon", "children", "prepares",
                     "unready"):
            self.assert_init("%s: does not stop on TERM: killed" % name)
        for name in ("polite", "backs-off", "waits", "later", "mounts", "stopped"):
            self.assert_init("%s: does not stop.*" % name, count=0)

    def test_nobody_is_given_up(self):
        self.assert_init("some processes do not end.*", count=0)
        self.assert_init("cannot unmount.*", count=0)

    def test_nothing_starts_any_more(self):
        after = self.output.text.split("[init] shutting down...", 1)[1]
        self.assertNotIn("restart in", after)
        self.assertNotIn("never", after)

    def test_first_and_last_words(self):
        self.assert_init(r"shutting down\.\.\.")
        self.assertEqual(self.output.init()[-1], "goodbye")

    def test_drives_are_clean(self):
        assert_clean(self, self.guest_)

    def test_the_machine_was_reset(self):
        self.assertEqual([e["data"]["reason"] for e in self.machine.events()
                          if e["event"] == "SHUTDOWN"], ["guest-reset"])


class InTimeOnExt4(InTime, cases.SharedBoot):
    pass


class InTimeOnSquashfs(InTime, cases.SharedBoot):
    root = "squashfs"
    signal = 2


class Ends(cases.GuestCase):
    def test_ctrl_alt_del(self):
        """The host presses it; a second press has no effect."""
        guest = hostile(self.guest())
        machine = self.boot(guest)
        machine.console.wait_line("polite: trap: set")
        machine.console.rewind()
        machine.console.wait_line("daemon: stubborn: .*")
        machine.ctrl_alt_del()
        machine.ctrl_alt_del()
        self.wait_init(machine, r"shutting down\.\.\.")
        self.wait_init(machine, "goodbye")
        machine.console.wait("reboot: Restarting system")
        self.assertEqual(machine.wait(), 0)
        self.assertEqual(machine.console.text.count("shutting down..."), 1)
        assert_clean(self, guest)

    def test_hundreds_of_mounts(self):
        """Like a guest with containers: the table of mounts is longer than any buffer."""
        guest = self.guest(agent=False)
        guest.busybox("sh", "mkdir", "mount", "sleep", "wc")
        guest.drive("mvm-data")
        guest.service(
            "mounts", "mkdir -p /mnt/data/volumes; echo kept >/mnt/data/file; for i in $(seq 400); "
            "do d=\"/run/containers/of the guest/$i\"; mkdir -p \"$d\"; "
            "mount -o bind /mnt/data/volumes \"$d\"; done; wc -c </proc/self/mountinfo; "
            "echo mounted; exec sleep 10000", user="root").busybox("seq")
        machine = self.boot(guest)
        size = int(machine.console.wait_line(r"mounts: (\d+)").group(1))
        self.assertGreater(size, 40000)
        machine.console.wait_line("mounts: mounted")
        self.end(machine)
        self.assertNotIn("cannot unmount", machine.console.text)
        assert_clean(self, guest)

    def quickly(self, agent):
        """No step waits for a timer. In virtual time, see InTime."""
        guest = self.guest(agent=agent)
        guest.drive("mvm-data")
        for i in range(10):
            guest.service("s%d" % i, "/bin/facts sleep")
        guest.service("ends", "/bin/acts nap 500 + clock now + kill 1 15", user="root",
                      restart="never")
        machine = self.boot(guest, "idle=poll", virtual_time=True)
        begin = float(machine.console.wait_line(r"ends: clock: now (\S+)").group(1))
        end = float(machine.console.wait(r"^\[ *(\d+\.\d+)\] reboot: Restarting").group(1))
        self.assertLess(end - begin, 0.5)

    def test_quickly_when_nobody_resists(self):
        self.quickly(agent=True)

    def test_quickly_without_an_agent(self):
        self.quickly(agent=False)

    def test_power_off(self):
        """USR2 and PWR. Without ACPI the processor halts, and the VMM keeps running."""
        for name, number in (("USR2", 12), ("PWR", 30)):
            with self.subTest(name):
                guest = self.guest(agent=False)
                guest.drive("mvm-data")
                guest.service("ends", "/bin/acts kill 1 %d" % number, user="root", restart="never")
                machine = self.boot(guest)
                self.wait_init(machine, "goodbye")
                machine.console.wait(r"EXT4-fs \(vdb\): unmounting filesystem")
                machine.console.wait("reboot: Power down|reboot: System halted")
                self.assertTrue(machine.running())
                machine.close()
                assert_clean(self, guest)

    def test_in_the_middle_of_the_start(self):
        """The first process that runs ends the guest, although others are still to start."""
        guest = self.guest("squashfs")
        for i in range(30):
            guest.service("s%02d" % i, "/bin/facts sleep")
        guest.service("a-ends", "/bin/acts kill 1 15", user="root", restart="never")
        machine = self.boot(guest)
        self.wait_init(machine, "goodbye")
        self.assertEqual(machine.wait(), 0)


class Commands(cases.GuestCase):
    """halt, poweroff and reboot work, and the console shows the sender and the action."""

    def ends(self, command, line, end, links=(), after=()):
        guest = self.guest("squashfs", agent=False)
        guest.busybox("sh", "halt", "sleep", "touch")
        for link in links:
            guest.tree.symlink("/sbin/" + link, "/init")
        guest.service("ends", "sleep 1; %s; sleep 1000" % command, user="root")
        machine = self.boot(guest)
        for regex in (line, *after):
            self.wait_init(machine, regex)
        machine.console.wait(end)

    def test_halt_of_busybox(self):
        self.ends("exec /bin/halt", r"SIGUSR1 from process \d+ \(halt\): halting",
                  "reboot: System halted")

    def test_reboot_of_busybox(self):
        """Its TERM is an ordinary TERM; USR1 from another sender means a restored snapshot."""
        self.ends("[ -e /tmp/again ] && exec /bin/busybox reboot; touch /tmp/again; kill -USR1 1",
                  r"SIGUSR1 from process \d+ \((?:sh|sleep|exe)\): post-restore",
                  "reboot: Restarting system",
                  after=[r"SIGTERM from process \d+ \((?:reboot|busybox)\): restarting"])

    def test_our_own(self):
        self.ends("/sbin/poweroff now; /sbin/poweroff",
                  r"SIGUSR2 from process \d+ \(poweroff\): powering off", "reboot: (?:Power down|System halted)",
                  ("poweroff",))

    def test_halt_of_ours(self):
        self.ends("/sbin/halt", r"SIGUSR1 from process \d+ \(halt\): halting",
                  "reboot: System halted", ("halt",))


if __name__ == "__main__":
    main()
