# SPDX-License-Identifier: MIT
"""Paths, and the programs that the rig compiles for itself into build/rig."""
import fcntl
import glob
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(ROOT, "build")
# The architecture of the guests. Another one than this machine's has directories of its own.
GUEST_ARCH = os.environ.get("GUEST_ARCH", "x86_64")
_FOREIGN = "" if GUEST_ARCH == "x86_64" else "-" + GUEST_ARCH
RELEASE = os.path.join(BUILD, "release")            # programs for this machine
GUEST_RELEASE = RELEASE + _FOREIGN                  # programs for guests
_CROSS = os.path.join(BUILD, "cross" + _FOREIGN)    # made by tests/cross-tools
LOGS = os.path.join(BUILD, "test-logs")
_VM = os.path.join(ROOT, "tests", "vm")

WARNINGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wshadow",
            "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wvla", "-Wswitch-enum"]
_HOST = ["gcc", "-O2"] + WARNINGS
# A static program for the guest; musl's own headers first, then the kernel's.
_GUEST_COMPILER = os.path.join(_CROSS, "musl-gcc") if _FOREIGN else "musl-gcc"
_GUEST = [_GUEST_COMPILER, "-Os", "-static", "-no-pie", "-fno-pie", "-s"] + WARNINGS

# name: (compiler and flags, sources)
PROGRAMS = {
    "hvsock": (_HOST, "hvsock/*.c"),
    "serve": (_GUEST, "payload/serve.c"),
    "acts": (_GUEST, "payload/acts.c"),
    "attack": (_GUEST, "payload/attack*.c"),
    "facts": (_GUEST, "payload/facts*.c"),
    "intruder": (_GUEST, "payload/intruder.c"),
    "features": (_GUEST, "payload/features.c"),
    "minimal-init": (_GUEST, "payload/minimal_init.c"),
    "tracer": (_GUEST, "payload/tracer*.c"),
    "preload": (_GUEST, "payload/preload.c"),
    "contain": (_HOST, "../ns/contain.c"),
    "fault": (_GUEST, "../ns/fault.c"),
    "idle-hour": (_GUEST + ["-nostartfiles"], "payload/idle_hour.c"),
    "instruction-counter": (_HOST + ["-shared", "-fPIC"], "../bench/instruction_counter.c"),
    "first-instruction": (_GUEST + ["-nostartfiles"], "payload/first_instruction.c"),
}


# name: path of one that is compiled already, as in a package of the runner.
PREBUILT = {}


class MissingFile(Exception):
    """Something that "make" should have built is not there."""


def _kernel_headers():
    if _FOREIGN:
        return ["-idirafter", os.path.join(_CROSS, "root", "usr", "include")]
    multiarch = subprocess.run(["gcc", "-print-multiarch"], check=True, capture_output=True,
                               text=True).stdout.strip()
    return ["-idirafter", "/usr/include", "-idirafter", "/usr/include/" + multiarch]


def _plugin_interface():
    """The flag that names the newest interface for plugins that QEMU has and instruction_counter.c
    knows: 2 since 9.0, 3 since 9.1. A QEMU that is newer still takes 3."""
    said = subprocess.run(["qemu-system-x86_64", "--version"], check=True, capture_output=True,
                          text=True).stdout
    version = tuple(int(n) for n in re.search(r"version (\d+)\.(\d+)", said).groups())
    return ["-DPLUGIN_VERSION=%d" % (1 if version < (9, 0) else 2 if version < (9, 1) else 3)]


def program(name):
    """Path of one of PROGRAMS, compiled again when its sources are newer."""
    if name in PREBUILT:
        return PREBUILT[name]
    command, pattern = PROGRAMS[name]
    is_guests = command[0] == _GUEST_COMPILER
    sources = sorted(glob.glob(os.path.join(_VM, pattern)))
    newest = max(os.stat(f).st_mtime for f in
                 sources + glob.glob(os.path.join(_VM, os.path.dirname(pattern), "*.h")))
    out = os.path.join(BUILD, "rig" + (_FOREIGN if is_guests else ""), name)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with open(out + ".lock", "w") as lock:      # suites run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(out) and os.stat(out).st_mtime >= newest:
            return out
        more = _kernel_headers() if is_guests else []
        more += _plugin_interface() if name == "instruction-counter" else []
        subprocess.run(command + more + ["-o", out + ".new"] + sources, check=True)
        os.rename(out + ".new", out)
    return out


def built(name, directory=RELEASE, made_by="make release"):
    """Path of something that make builds."""
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        raise MissingFile("%s: not there; run: %s" % (path, made_by))
    return path


def guest_program(name):
    """Path of one of the project's programs for guests."""
    return built(name, GUEST_RELEASE, "make release ARCH=" + GUEST_ARCH)


def busybox():
    """Path of Debian's static busybox for guests."""
    if _FOREIGN:
        return built("busybox", os.path.join(_CROSS, "root", "bin"),
                     "tests/cross-tools %s %s" % (GUEST_ARCH, _CROSS))
    return built("busybox", "/bin", "tests/install-packages vm")


def kernel():
    """The guest kernel."""
    return built("Image" if GUEST_ARCH == "aarch64" else "vmlinux",
                 os.path.join(BUILD, "kernel" + _FOREIGN), "make kernel ARCH=" + GUEST_ARCH)
