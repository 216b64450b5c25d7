# SPDX-License-Identifier: MIT
"""Private stores for test builds, and the builds of guests.nix in them."""

import fcntl
import hashlib
import os
import subprocess

import tap

FIRST = os.path.join(tap.WORK, "store-1")
SECOND = os.path.join(tap.WORK, "store-2")
LIMIT_BYTES = 4 << 30
# Images get the tests' kernel if it exists; only booting needs it.
KERNEL = os.path.join(tap.ROOT, "build", "kernel", "vmlinux")


def _size(directory):
    done = tap.run(["du", "-sb", directory])
    return int(done.stdout.split()[0]) if done.returncode == 0 else 0


_locks = []


def _lock(store):
    """Hold the store until this process ends; empty it first if it is large and nobody has it."""
    lock = open(store + ".lock", "w", encoding="utf-8")  # pylint: disable=consider-using-with
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _size(store) > LIMIT_BYTES:
            tap.run(["nix-store", "--store", store, "--gc"])
    except BlockingIOError:
        pass
    fcntl.flock(lock, fcntl.LOCK_SH)
    _locks.append(lock)


def prepare(store):
    """Make the store ready: the archives that derivations would download are put into it."""
    os.makedirs(store, exist_ok=True)
    _lock(store)
    cache = os.path.join(tap.ROOT, "subprojects", "packagecache")
    subprocess.run(["sh", os.path.join(tap.ROOT, "subprojects", "fetch")], check=False)
    for name in sorted(os.listdir(cache)) if os.path.isdir(cache) else []:
        tap.run(
            ["nix-store", "--store", store, "--add-fixed", "sha256", os.path.join(cache, name)]
        )


def build(name, store=FIRST, options=()):
    """Build an attribute of guests.nix. Returns (directory with the output, ""), or (None, error)."""
    kernel = ["--arg", "kernel", KERNEL] if os.path.exists(KERNEL) else []
    done = tap.run(
        ["nix-build", "--store", store, "--no-out-link", "--no-build-output"]
        + [*options, *kernel, os.path.join(tap.HERE, "guests.nix"), "-A", name]
    )
    if done.returncode != 0:
        return None, done.stderr
    return store + done.stdout.strip(), ""


def contents(directory):
    """Every file below a directory: its digest, or where it links to."""
    result = {}
    for parent, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(parent, name)
            key = os.path.relpath(path, directory)
            if os.path.islink(path):
                result[key] = os.readlink(path)
                continue
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    digest.update(block)
            result[key] = digest.hexdigest()
    return result
