#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What the guest's own processes take of its memory: the proportional set size (proc(5), smaps_rollup)
of init, the log collector, the agent and its starter, once N services run and are idle.

    memory.py [--kernel VMLINUX] [N...]

The last of the services is the one that measures, and the agent has one health check behind it.
"""
import argparse
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
from rig.guest import Guest  # noqa: E402

TIMEOUT_S = 600         # of the host's time
OWN = ("init", "collector", "agent", "starter")
GROUPS = "/sys/fs/cgroup/guest/"
MEASURE = ("set -- 1 $(cat {0}log-collector/cgroup.procs) $(cat {0}mvm-guest-agent/cgroup.procs); "
           "for p in $1 $2 $3 $4; do /bin/acts field /proc/$p/smaps_rollup Pss: Private_Dirty:; done; "
           "echo over; exec /bin/acts nap 100000000").format(GROUPS)


def measure(services, kernel=None):
    """A pair for each of OWN: proportional and private dirty memory in kB."""
    guest = Guest("squashfs")
    guest.busybox("sh", "cat")
    for i in range(services - 1):
        guest.service("s%d" % i, "/bin/acts nap 100000000")
    guest.service("looks", MEASURE, user="root", restart="never", on_boot_delay="20s")
    guest.integration("looks", health_cmd="/bin/facts exit 0", health_interval_secs=5)
    with guest.machine(kernel=kernel, memory_mib=512, virtual_time=True) as machine:
        machine.console.wait_line("looks: over|.*looks.*(exit|exec|signal) .*", TIMEOUT_S)
        text = machine.console.text
        machine.pull_plug()
    guest.close()
    numbers = [int(n) for n in re.findall(r"looks: .*(?:Pss|Private_Dirty):\s+(\d+) kB", text)]
    if len(numbers) != 2 * len(OWN):
        raise SystemExit("looks has not measured:\n" + text[-2000:])
    return list(zip(numbers[::2], numbers[1::2]))


def main():
    parser = argparse.ArgumentParser(description="Measure the memory of the guest's own processes.")
    parser.add_argument("--kernel", help="another vmlinux")
    parser.add_argument("services", nargs="*", type=int, default=[1, 10, 100])
    arguments = parser.parse_args()
    print("Proportional memory, kB (private and written to):")
    for services in arguments.services:
        sizes = measure(services, arguments.kernel)
        print("  %4d services  %s  sum %d (%d)" % (
            services, "  ".join("%s %d (%d)" % (name, *size) for name, size in zip(OWN, sizes)),
            sum(s for s, _ in sizes), sum(d for _, d in sizes)), flush=True)


if __name__ == "__main__":
    main()
