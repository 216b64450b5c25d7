# SPDX-License-Identifier: MIT
"""
Other programs that can be PID 1, from Debian's packages, in the guest that init is measured in: the
same kernel, the same root file system, the same address of eth0, N services that run as the same
user. Each gets the least configuration that does that.

A package is downloaded by apt and unpacked below build/peers; nothing is installed. What Debian does
not have is left out: dinit (Debian 12). openrc-init is, too: it starts services through some thousand
lines of shell, which need most of a distribution around them.
"""
import glob
import os
import re
import subprocess

from rig import build
from rig.guest import Guest
from rig.waiting import RigError

DIRECTORY = os.path.join(build.BUILD, "peers")

# The shell script that people have in the place of an init, and the first part of the others.
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


class NotThere(RigError):
    """Debian has no such package, or it cannot be had now."""


def libraries_of(package):
    """The packages of the libraries that a package depends on, and that this one may lack."""
    r = subprocess.run(["apt-cache", "depends", package], check=False, capture_output=True, text=True)
    names = re.findall(r"^ *Depends: (lib\S+)", r.stdout, re.M)
    return [n for n in names if n != "libc6"]


def unpacked(package):
    """The directory with the contents of a package and the libraries that it depends on."""
    target = os.path.join(DIRECTORY, package)
    if os.path.isdir(target):
        return target
    fresh = target + ".new"
    os.makedirs(fresh, exist_ok=True)
    needed = libraries_of(package)
    needed += [n for library in needed for n in libraries_of(library)]
    r = subprocess.run(["apt-get", "download", "-q", package, *sorted(set(needed))], cwd=fresh,
                       check=False, capture_output=True, text=True)
    if r.returncode != 0:
        raise NotThere("%s: %s" % (package, (r.stderr.strip() or r.stdout).splitlines()[-1]))
    for file in glob.glob(fresh + "/*.deb"):
        subprocess.run(["dpkg-deb", "-x", file, fresh], check=True)
        os.remove(file)
    os.rename(fresh, target)
    return target


def libraries(packages_directory, program):
    """Paths of the shared libraries of a program, on this machine."""
    places = ":".join({os.path.dirname(f) for f in glob.glob(
        packages_directory + "/**/*.so*", recursive=True)})
    r = subprocess.run(["ldd", program], check=True, capture_output=True, text=True,
                       env=dict(os.environ, LD_LIBRARY_PATH=places))
    return re.findall(r"(/\S+) \(0x", r.stdout)


def add_programs(guest, directory, programs):
    for path in programs:
        guest.tree.copy(directory + path, path)
        for library in libraries(directory, directory + path):
            where = library[len(directory):] if library.startswith(directory) else library
            guest.tree.copy(os.path.realpath(library), where)


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


def add_services(guest, services, as_user):
    """As runit and s6 have them: a directory with a script for each. as_user: words before a program."""
    for i in range(services):
        guest.tree.file("/etc/services/service-%03d/run" % i,
                        "#!/bin/sh\nexec %s /bin/first\n" % as_user, mode=0o755)


def runit(services):
    guest = new_guest()
    add_programs(guest, unpacked("runit"), ["/sbin/runit", "/usr/bin/runsvdir", "/usr/bin/runsv",
                                            "/usr/bin/chpst"])
    guest.tree.file("/etc/runit/1", _SET_UP, mode=0o755)
    guest.tree.file("/etc/runit/2", "#!/bin/sh\ncp -r /etc/services /run/services\n"
                    "PATH=/bin:/usr/bin exec runsvdir /run/services\n", mode=0o755)
    guest.tree.file("/etc/runit/3", "#!/bin/sh\n", mode=0o755)
    add_services(guest, services, "chpst -u mvm")
    return guest, "/sbin/runit"


def s6(services):
    guest = new_guest()
    add_programs(guest, unpacked("s6"), ["/usr/bin/s6-" + name for name in (
        "svscan", "supervise", "setuidgid", "envuidgid", "applyuidgid")])
    # Without the file, the C library's getgrent(3) ends with ENOENT, and s6 gives up.
    guest.tree.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\n")
    guest.tree.file("/start", _SET_UP + "cp -r /etc/services /run/services\n"
                    "exec s6-svscan -c 2000 /run/services\n", mode=0o755)
    add_services(guest, services, "s6-setuidgid mvm")
    return guest, "/start"


def finit(services):
    guest = new_guest()
    add_programs(guest, unpacked("finit"), ["/sbin/finit"])
    guest.tree.file("/etc/fstab", "")
    guest.tree.file("/etc/network-up", _SET_UP.replace("mount ", ": mount "), mode=0o755)
    guest.tree.file("/etc/finit.conf", "host guest\nrunlevel 2\nnetwork /etc/network-up\n" + "".join(
        "service [2] @mvm:mvm name:service-%03d log:console /bin/first -- Service %d\n" % (i, i)
        for i in range(services)))
    return guest, "/sbin/finit"


PEERS = {"busybox script": shell_script, "runit": runit, "s6": s6, "finit": finit}
