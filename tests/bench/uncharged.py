#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
How much memory a service can hold that no cgroup counts.

    uncharged.py ATTACK...

ATTACK is a name of tests/vm/payload/attack*.c. In a guest of 128 MiB, in virtual time: each tenth of
a second the free memory and what the services' cgroup counts; of these, the moment with most memory
that is neither free nor counted.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
from rig import build  # noqa: E402
from rig.guest import Guest  # noqa: E402

MEMORY_MIB, TIMES, BEFORE = 128, 60, 9      # the attack begins after so many of the times
SHELL = ("i=0; while [ $i -lt %d ]; do i=$((i + 1)); sleep 0.1; echo "
         "$(grep MemFree /proc/meminfo) $(cat /sys/fs/cgroup/services/memory.current); done; echo over")


def measure(attack):
    """(kB not counted, kB counted, kB free before, how it ended)"""
    guest = Guest("squashfs", agent=False)
    guest.network = False
    guest.tree.copy(build.program("attack"), "/bin/attack")
    guest.user("attacker", 1000)
    guest.busybox("sh", "sleep", "cat", "grep")
    guest.service("attack", "/bin/attack %s 500" % attack, user="attacker", restart="never",
                  on_boot_delay="1500ms")
    guest.service("looks", SHELL % TIMES, user="root")
    with guest.machine(memory_mib=MEMORY_MIB, virtual_time=True, instruction_ns=4) as machine:
        machine.console.wait_line("looks: over", timeout=300)
        text = machine.console.text
    guest.close()
    rows = [(int(free), int(counted) // 1024)
            for free, counted in re.findall(r"looks: MemFree: (\d+) kB (\d+)", text)]
    free, counted = rows[BEFORE]
    hidden, seen = max((free - f - (c - counted), c - counted) for f, c in rows[BEFORE:])
    ends = re.findall(r"^(?:\[init\] )?attack: (.*(?:then|Killed).*)$", text, re.M)
    return hidden, seen, free, ends


def main():
    for attack in sys.argv[1:]:
        print("%-12s not counted %6d kB, counted %6d kB, of %d kB; %s" % (
            (attack,) + measure(attack)), flush=True)


if __name__ == "__main__":
    main()
