#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
How long a guest's start takes: from the start of init to the first instruction of the last of N
services, in virtual time.

    boot.py [--kernel VMLINUX] [--repeat N] [--services N,N,...]

In virtual time one guest nanosecond is one guest instruction, so the figures are the same on a busy
host. "warm" has the root's files in the guest's page cache; "cold" reads them from the drive, which
answers at once, and decompresses them. eth0 is configured and, with init, the agent is started,
too. "bare" is payload/minimal_init.c, which makes the same system calls and nothing more.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
from rig import build  # noqa: E402
from rig.guest import Guest  # noqa: E402
from rig.waiting import RigError  # noqa: E402

CYCLES_PER_MS = 1000000     # QEMU's counter runs at 1 GHz
TIMEOUT_S = 300             # of the host's time


def measure(guest, cache, command, services, kernel):
    """Milliseconds until the last service's first instruction; cache: "warm" or "cold"."""
    guest.tree.copy(build.program("preload"), "/preload")
    guest.tree.copy(build.program("first-instruction"), "/bin/first")
    arguments = ("init=/preload quiet idle=poll net.ifnames=0 "
                 "mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1 -- %s %s" % (cache, command))
    machine = guest.machine(arguments=arguments, kernel=kernel, virtual_time=True,
                            instruction_ns=1, keyboard=False)
    with machine:
        for _ in range(services):
            machine.console.wait_line(r"(?:\S+: )?first: \d+", TIMEOUT_S)
        cycles = max(int(c) for c in machine.console.find(r"first: (\d+)$"))
        machine.pull_plug()
    guest.close()
    return cycles / CYCLES_PER_MS


def bare(root, cache, services, kernel):
    guest = Guest(root, agent=False, writable=False, init=build.program("minimal-init"))
    return measure(guest, cache, "/init %d 900 /bin/first" % services, services, kernel)


def ours(root, cache, services, kernel):
    guest = Guest(root, writable=False)
    for i in range(services):
        guest.service("service-%03d" % i, "/bin/first")
    return measure(guest, cache, "/init", services, kernel)


CASES = [("%s %s, %s" % (name, root, cache), run, root, cache)
         for cache in ("warm", "cold")
         for name, run in (("bare", bare), ("init", ours))
         for root in ("ext4", "squashfs")]


def kernel_boot(kernel):
    """
    The kernel's time stamp, in seconds, of its last line before init; without the two loops of 0.1 s
    that measure the emulated timer of the processor.
    """
    guest = Guest(agent=False, init=build.program("minimal-init"))
    machine = guest.machine(arguments="init=/sbin/init idle=poll noapictimer", kernel=kernel,
                            virtual_time=True, instruction_ns=1)
    with machine:
        line = machine.console.wait_line(
            r"\[ *(\d+\.\d+)\] Run /sbin/init as init process", TIMEOUT_S)
    guest.close()
    return float(line.group(1))


def repeated(run, times):
    """The figures of several runs as text."""
    try:
        values = [run() for _ in range(times)]
    except build.MissingFile:
        return "not built"
    except RigError as e:
        print("\n%s" % e, file=sys.stderr)
        return "failed"
    text = "%.2f" % min(values)
    return text if times == 1 else text + "-%.2f" % max(values)


def main():
    parser = argparse.ArgumentParser(description="Measure a guest's start in virtual time.")
    parser.add_argument("--kernel", help="another vmlinux")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each case")
    parser.add_argument("--services", default="1,10,100", help="numbers of services")
    arguments = parser.parse_args()
    numbers = [int(n) for n in arguments.services.split(",")]

    print("kernel, entry to \"Run /init\": %.3f s" % kernel_boot(arguments.kernel), flush=True)
    print("init to the first instruction of the last of N services, ms:")
    print("%-20s" % "N" + "".join("%16d" % n for n in numbers), flush=True)
    for title, run, root, cache in CASES:
        print("%-20s" % title, end="", flush=True)
        for number in numbers:
            print("%16s" % repeated(lambda: run(root, cache, number, arguments.kernel),
                                    arguments.repeat), end="", flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
