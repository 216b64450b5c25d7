#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
How long a guest's start takes: from the start of init to the first instruction of the last of N
services, in virtual time.

    boot.py [--kernel VMLINUX] [--repeat N] [--services N,N,...]

In virtual time one guest nanosecond is one guest instruction, so the figures are the same on a busy
host. Files are in the guest's page cache: the host's disk is not measured. eth0 is configured and,
with init, the agent is started, too. "bare" is payload/minimal_init.c, which makes the same system
calls and nothing more.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
from rig import build  # noqa: E402
from rig.guest import Guest  # noqa: E402
from rig.waiting import RigError  # noqa: E402

CYCLES_PER_US = 1000        # QEMU's counter runs at 1 GHz
TIMEOUT_S = 300             # of the host's time


def measure(guest, command, services, kernel):
    """Microseconds until the last service's first instruction, and the kernel's own seconds."""
    guest.tree.copy(build.program("preload"), "/preload")
    guest.tree.copy(build.program("first-instruction"), "/bin/first")
    arguments = ("init=/preload quiet idle=poll net.ifnames=0 "
                 "mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1 -- ")
    machine = guest.machine(arguments=arguments + command, kernel=kernel, virtual_time=True,
                            instruction_ns=1, keyboard=False)
    with machine:
        for _ in range(services):
            machine.console.wait_line(r"(?:\S+: )?first: \d+", TIMEOUT_S)
        cycles = max(int(c) for c in machine.console.find(r"first: (\d+)$"))
        machine.pull_plug()
    guest.close()
    return cycles / CYCLES_PER_US


def bare(root, services, kernel):
    guest = Guest(root, agent=False, writable=False, init=build.program("minimal-init"))
    return measure(guest, "/init %d 900 /bin/first" % services, services, kernel)


def ours(root, services, kernel):
    guest = Guest(root, writable=False)
    for i in range(services):
        guest.service("service-%03d" % i, "/bin/first")
    return measure(guest, "/init", services, kernel)


def kernel_boot(kernel):
    """The kernel's time stamp, in seconds, of its last line before init."""
    guest = Guest(agent=False, init=build.program("minimal-init"))
    machine = guest.machine(arguments="init=/sbin/init idle=poll", kernel=kernel,
                            virtual_time=True, instruction_ns=1)
    with machine:
        line = machine.console.wait_line(
            r"\[ *(\d+\.\d+)\] Run /sbin/init as init process", TIMEOUT_S)
    guest.close()
    return float(line.group(1))


def main():
    parser = argparse.ArgumentParser(description="Measure a guest's start in virtual time.")
    parser.add_argument("--kernel", help="another vmlinux")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each case")
    parser.add_argument("--services", default="1,10,100", help="numbers of services")
    arguments = parser.parse_args()
    numbers = [int(n) for n in arguments.services.split(",")]

    print("kernel, entry to \"Run /init\": %.3f s" % kernel_boot(arguments.kernel), flush=True)
    print("init to the first instruction of the last of N services, ms:")
    print("%-14s" % "N" + "".join("%16d" % n for n in numbers), flush=True)
    for name, run in (("bare", bare), ("init", ours)):
        for root in ("ext4", "squashfs"):
            print("%-14s" % ("%s %s" % (name, root)), end="", flush=True)
            for number in numbers:
                try:
                    values = [run(root, number, arguments.kernel) / 1000
                              for _ in range(arguments.repeat)]
                    text = "%.2f" % min(values)
                    if arguments.repeat > 1:
                        text += "-%.2f" % max(values)
                except build.MissingFile:
                    text = "not built"
                except RigError as e:
                    text = "failed"
                    print("\n%s" % e, file=sys.stderr)
                print("%16s" % text, end="", flush=True)
            print(flush=True)


if __name__ == "__main__":
    main()
