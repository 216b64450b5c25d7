# SPDX-License-Identifier: MIT
"""
What a tool has found clean is not looked at again, as long as the files, their headers, the tool and
its arguments stay what they are. The marks are in a cache outside the checkout; without it all is
looked at.
"""
import functools
import hashlib
import json
import os
import re
import subprocess

import source
from rig.build import BUILD

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")),
                     "mvm-init-analysis")


@functools.lru_cache(maxsize=None)
def headers(path):
    """The project's headers that a file includes, with theirs."""
    found = set()
    for name in re.findall(r'(?m)^#include "([^"]+)"', source.read(path) or ""):
        for place in (name, os.path.join(os.path.dirname(path), name)):
            if os.path.isfile(os.path.join(source.ROOT, place)):
                found |= {place} | headers(place)
                break
    return frozenset(found)


@functools.lru_cache(maxsize=None)
def version(*tool):
    return subprocess.run([*tool, "--version"], check=True, capture_output=True, text=True).stdout


class Mark:
    """
    The mark of a command for some files. tool: the words before its arguments; more: what else decides
    what is found.
    """

    def __init__(self, tool, arguments, paths, more=""):
        words = [w for w in arguments if not w.startswith("/")]
        digest = hashlib.sha256(repr((version(*tool), tool, words, more)).encode())
        for name in sorted(set(paths).union(*(headers(p) for p in paths))):
            digest.update(name.encode() + b"\0" + (source.read(name) or "").encode() + b"\0")
        self._path = os.path.join(CACHE, digest.hexdigest())

    def is_set(self):
        return os.path.exists(self._path)

    def set(self):
        os.makedirs(CACHE, exist_ok=True)
        with open(self._path, "w", encoding="utf-8"):
            pass


def commands(directories, beginnings):
    """
    (source, arguments) of the C files in these directories, as "make unit" compiles them; of the
    compiler's arguments, those with these beginnings.
    """
    with open(os.path.join(BUILD, "meson-unit", "compile_commands.json"), encoding="utf-8") as f:
        entries = json.load(f)
    found = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source.ROOT)
        if path.split("/")[0] in directories:
            words = [w.strip("'").replace('\\"', '"')
                     for w in re.findall(r"'[^']*'|\S+", entry["command"])]
            found[path] = [w for w in words if w.startswith(beginnings)]
    return sorted(found.items())
