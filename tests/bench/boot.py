#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
How long a guest's start takes: from the start of init to the first instruction of the last of N
services, in virtual time.

    boot.py [--kernel VMLINUX] [--services N,N,...] [--only NAME,...] [--json FILE] [--svg FILE]

In virtual time one guest nanosecond is one guest instruction, so the figures are the same on a busy
host. "warm" has the root's files in the guest's page cache; "cold" reads them from the drive, which
answers at once, and decompresses them. eth0 has its address and route.

init   with the agent, on ext4 and squashfs, warm and cold
bare   payload/minimal_init.c: mounts, network, and vfork, setuid and exec for each service
floor  the same program with what init promises for each service, and no more: a cgroup, a session,
       a pipe, no capabilities; what is above this floor is init's own
and the script of peers.py on ext4, warm. The picture shows ext4, warm.
"""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "vm")]
import peers  # noqa: E402
import picture  # noqa: E402
from rig import build  # noqa: E402
from rig.guest import Guest  # noqa: E402
from rig.waiting import RigError  # noqa: E402

CYCLES_PER_MS = 1000000     # QEMU's counter runs at 1 GHz
TIMEOUT_S = 120             # of the host's time


def measure(guest, cache, command, services, kernel):
    """Milliseconds until the last service's first instruction; cache: "warm" or "cold"."""
    guest.tree.copy(build.program("preload"), "/preload")
    guest.tree.copy(build.program("first-instruction"), "/bin/first")
    arguments = ("init=/preload quiet idle=poll net.ifnames=0 "
                 "mvm.ip=172.16.0.2/24 mvm.gw=172.16.0.1 -- %s %s" % (cache, command))
    machine = guest.machine(arguments=arguments, kernel=kernel, virtual_time=True,
                            instruction_ns=1, keyboard=False, apic_timer=False)
    with machine:
        for _ in range(services):
            # Some peers leave a line of their own unfinished before it.
            machine.console.wait_line(r".*first: \d+", TIMEOUT_S)
        cycles = max(int(c) for c in machine.console.find(r"first: (\d+)$"))
        machine.pull_plug()
    guest.close()
    return cycles / CYCLES_PER_MS


def bare(root, cache, services, kernel, words=""):
    guest = Guest(root, agent=False, writable=False, init=build.program("minimal-init"))
    command = "/init %s%d 900 /bin/first" % (words, services)
    return measure(guest, cache, command, services, kernel)


def floor(root, cache, services, kernel):
    return bare(root, cache, services, kernel, "floor ")


def ours(root, cache, services, kernel):
    guest = Guest(root, writable=False)
    for i in range(services):
        guest.service("service-%03d" % i, "/bin/first")
    return measure(guest, cache, "/init", services, kernel)


def peer(name):
    def run(_root, cache, services, kernel):
        guest, command = peers.PEERS[name](services)
        return measure(guest, cache, command, services, kernel)
    return run


# (name, function, root, cache)
CASES = [(name, run, root, cache)
         for cache in ("warm", "cold")
         for name, run in (("bare", bare), ("floor", floor), ("init", ours))
         for root in ("ext4", "squashfs")]
CASES += [(name, peer(name), "ext4", "warm") for name in peers.PEERS]


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


def value(run):
    """A figure, or None with a word on stderr why there is none."""
    try:
        return run()
    except (build.MissingFile, RigError) as e:
        print("\n%s" % e, file=sys.stderr)
        return None


def write(path, text):
    if path:
        with open(path, "w") as f:
            f.write(text)


def main():
    parser = argparse.ArgumentParser(description="Measure a guest's start in virtual time.")
    parser.add_argument("--kernel", help="another vmlinux")
    parser.add_argument("--services", default="1,10,100", help="numbers of services")
    parser.add_argument("--only", help="names of what is measured")
    parser.add_argument("--json", help="a file for the figures")
    parser.add_argument("--svg", help="a file for the picture")
    arguments = parser.parse_args()
    numbers = [int(n) for n in arguments.services.split(",")]
    only = arguments.only.split(",") if arguments.only else None
    results = []

    print("kernel, entry to \"Run /init\": %.3f s" % kernel_boot(arguments.kernel), flush=True)
    print("init to the first instruction of the last of N services, ms:")
    print("%-28s" % "N" + "".join("%12d" % n for n in numbers), flush=True)
    for name, run, root, cache in CASES:
        if only and name not in only:
            continue
        print("%-28s" % ("%s, %s, %s" % (name, root, cache)), end="", flush=True)
        figures = []
        for number in numbers:
            # A peer whose services did not all start is not asked for more of them.
            figures.append(None if None in figures else
                           value(lambda: run(root, cache, number, arguments.kernel)))
            print("%12s" % ("-" if figures[-1] is None else "%.2f" % figures[-1]), end="",
                  flush=True)
        print(flush=True)
        results.append({"name": name, "root": root, "cache": cache,
                        "milliseconds": dict(zip(map(str, numbers), figures))})
    write(arguments.json, json.dumps(results, indent="\t") + "\n")
    shown = [(r["name"], [r["milliseconds"][str(n)] for n in numbers])
             for r in results if (r["root"], r["cache"]) == ("ext4", "warm")]
    write(arguments.svg, picture.svg(
        "From \"Run /init\" to the last service's first instruction",
        ["%d service%s" % (n, "" if n == 1 else "s") for n in numbers], shown))


if __name__ == "__main__":
    main()
