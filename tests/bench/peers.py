# SPDX-License-Identifier: MIT
"""
Another program that can be PID 1, in the guest that init is measured in: the same kernel, the same
root file system, the same address of eth0, N services that run as the same user.
"""
from rig.guest import Guest

# The shell script that people have in the place of an init: its first part.
_SET_UP = """#!/bin/sh
export PATH=/bin:/usr/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
hostname guest
ip link set lo up
ip addr add 172.16.0.2/24 dev eth0
ip link set eth0 up
ip route add default via 172.16.0.1
"""


def new_guest():
    guest = Guest("ext4", agent=False, writable=False)
    guest.busybox("sh", "mount", "ip", "hostname", "su", "sleep", "cp")
    return guest


def shell_script(services):
    """What a guest without an init of its own runs: a script for busybox's shell."""
    guest = new_guest()
    lines = "".join("su -s /bin/sh mvm -c 'exec /bin/first' &\n" for _ in range(services))
    guest.tree.file("/start", _SET_UP + lines + "while :; do wait; sleep 1; done\n", mode=0o755)
    return guest, "/start"


PEERS = {"busybox script": shell_script}
