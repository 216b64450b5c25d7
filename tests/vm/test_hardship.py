#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Processes that are killed, power that fails, drives that are damaged, machines that are small or wide.
In the environment, how much of each ("make soak" has the numbers that count):

KILLS         a SIGKILL every ten virtual seconds
POWER_CUTS    boots that end without a shutdown, while log files are written
DAMAGED       drives with flipped bits, one boot each
BOOTS         boots in a row
"""
import os
import random
import re
import unittest

import cases
import mvm_client
import protocol
from rig.tap import main

KILLS = int(os.environ.get("KILLS", "30"))
POWER_CUTS = int(os.environ.get("POWER_CUTS", "1"))
DAMAGED = int(os.environ.get("DAMAGED", "2"))
BOOTS = int(os.environ.get("BOOTS", "0"))
SERVICES = 50 if KILLS > 1000 else 6
SEED = 11

# What must be after the kills as it was before.
FACTS = """
set -- /proc/1/fd/*; fds=$#
zombies=0; processes=0
for p in /proc/[0-9]*; do
    read -r l <$p/stat 2>/dev/null || continue
    case $l in *") Z "*) zombies=$((zombies + 1));; esac
    if readlink $p/exe >/dev/null; then processes=$((processes + 1)); fi
done
groups=$(find /sys/fs/cgroup -type d ! -name 'job-*' | wc -l)
mounts=$(wc -l </proc/self/mountinfo)
echo facts: fds $fds, zombies $zombies, processes $processes, groups $groups, mounts $mounts
"""
# Each time another process of the guest's programs or the services; never the shell's own.
KILLER = """
. /bin/facts.sh
i=0
while [ $i -lt %d ]; do
    sleep 10
    set -- $(cat /sys/fs/cgroup/services/s*/cgroup.procs /sys/fs/cgroup/guest/*/cgroup.procs)
    shift $((i * 7919 %% $#))
    if [ $1 != 1 ]; then kill -9 $1; fi
    i=$((i + 1))
done
sleep 300
. /bin/facts.sh
echo over
"""


class Kills(cases.SharedBoot):
    root = "squashfs"
    options = {"virtual_time": True}
    drops = True

    @classmethod
    def prepare(cls, guest):
        guest.busybox("sh", "sleep", "cat", "kill", "find", "wc", "readlink")
        guest.tree.file("/bin/facts.sh", FACTS)
        guest.tree.file("/bin/killer.sh", KILLER % KILLS)
        for i in range(SERVICES):
            guest.service("s%d" % i, "/bin/facts echo up + sleep", restart_delay_max="10s")
        guest.integration("s0", health_cmd="/bin/facts exit 0", health_interval_secs=7)
        guest.service("killer", "/bin/busybox sh /bin/killer.sh", user="root", restart="never",
                      on_boot_delay="5s")

    @classmethod
    def observe(cls, machine):
        machine.console.wait_line("killer: over", timeout=300 + KILLS)
        with mvm_client.dial(machine.vsock_path, timeout=60) as s:
            mvm_client.send(s, b'"Ping"')
            cls.pong = mvm_client.receive(s)

    def test_all_is_as_it_was(self):
        before, after = self.output.facts("killer", "facts")
        print("# %d kills: %s" % (KILLS, after))
        self.assertIn("zombies 0", before)
        fds, rest = zip(*(re.match(r"fds (\d+), (.*)", f).groups() for f in (before, after)))
        self.assertEqual(rest[1], rest[0])
        self.assertLessEqual(int(fds[1]), int(fds[0]))

    def test_who_was_killed_has_started_again(self):
        killed = [l for l in self.output.init() if re.match(r"\S+: signal 9 \(Killed\)", l)]
        self.assertGreater(len(killed), KILLS // 2)
        self.assertEqual(self.pong, b'"Pong"')


class PowerCuts(cases.GuestCase):
    drops = True

    def test_log_files_are_whole(self):
        """Power fails in the middle of writing; what is there at the next boot are lines."""
        random_ = random.Random(SEED)
        guest = self.guest("squashfs")
        guest.busybox("sh", "grep", "cat", "sed", "sleep", "sync", "tr")
        guest.drive("mvm-data", size_mib=16)
        guest.service("web", "i=0; while :; do i=$((i + 1)); echo line $i; case $i in *00) sleep 0.01;; "
                      "esac; done", log_file="/mnt/data/web.log", log_max_size="64K", log_keep="3",
                      user="root", on_boot_delay="1s")
        # The newest file may end in the middle of a line, and with zeros, until the service writes.
        guest.service("looks", "cd /mnt/data; for f in web.log*; do tr '\\0' @ <$f | if [ $f = web.log ]; then sed '$s/@*$//'; else cat; fi; "
                      "echo; done | grep -v -c -E '^(line [0-9]*|l|li|lin|line|line )?$'; "
                      "sleep 4; sync; echo looked", user="root", restart="never")
        for i in range(POWER_CUTS + 1):
            machine = self.boot(guest)
            machine.console.wait_line("looks: looked")      # and what there is is on the drive
            with self.subTest(cut=i):
                self.assertIn("mounted data drive (vdb)", self.output(machine).init())
                if i > 0:
                    self.assertEqual(self.output(machine).lines("looks")[0], "0")
                self.assertEqual([l for l in self.output(machine).init() if "cannot" in l], [])
            if i < POWER_CUTS:
                # So many answers, so that the cut comes at another place each time.
                for _ in range(random_.randrange(1, 30)):
                    protocol.ask(machine, "Ping")
            machine.pull_plug()
            machine.close()


def flip(path, begin, end, bits, random_):
    with open(path, "r+b") as f:
        for _ in range(bits):
            at = random_.randrange(begin, end)
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1 << random_.randrange(8)]))


# What is damaged: (from, to) in bytes, and how many bits.
DAMAGES = {"superblock": (1024, 1024 + 264, 20), "magic": (1024 + 56, 1024 + 58, 4),
           "groups": (4096, 8192, 200), "everything": (0, 2 << 20, 20000)}


class DamagedDrives(cases.GuestCase):
    def test_each_costs_only_itself(self):
        random_ = random.Random(SEED)
        for i in range(DAMAGED):
            name = list(DAMAGES)[(SEED + i) % len(DAMAGES)]
            with self.subTest(i=i, damage=name):
                guest = self.guest("squashfs")
                guest.facts("web", "echo up + sleep")
                path = guest.drive("mvm-data", {"file": "x" * 5000, "other": "y"})
                guest.drive("mvm-config", {"config.json": "{}"}, readonly=True)
                begin, end, bits = DAMAGES[name]
                flip(path, begin, end, bits, random_)
                machine = self.boot(guest)
                machine.console.wait_line("web: up")
                self.assertEqual(protocol.until(lambda: protocol.ask(machine, "Ping"), bool),
                                 "Pong")
                machine.ctrl_alt_del()
                machine.wait(60)
                machine.close()
                said = [l for l in self.output(machine).init() if "vdb" in l or "data" in l]
                # Mounted after all, or named; and the config drive is there in any case.
                self.assertTrue(said, self.output(machine).init())
                self.assertRegex("\n".join(self.output(machine).init()), "mounted config drive")


class Sizes(cases.GuestCase):
    def check_boot(self, **options):
        guest = self.guest("squashfs")
        guest.facts("web", "echo up + sleep")
        guest.integration("ok", health_cmd="/bin/facts exit 0", health_interval_secs=1)
        machine = self.boot(guest, **options)
        machine.console.wait_line("web: up")
        protocol.until(lambda: protocol.integrations(machine), lambda r: r["ok"]["health"]["healthy"])
        machine.ctrl_alt_del()
        machine.wait(60)
        machine.close()

    def test_little_memory(self):
        self.check_boot(memory_mib=48)

    def test_eight_processors(self):
        self.check_boot(cpus=8)

    @unittest.skipIf(BOOTS == 0, "BOOTS says how many")
    def test_boots_in_a_row(self):
        for i in range(BOOTS):
            with self.subTest(boot=i):
                self.check_boot()


if __name__ == "__main__":
    main()
