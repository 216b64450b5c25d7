# SPDX-License-Identifier: MIT
"""What the suites in this directory share: the project's files, and C without its comments."""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Comments and literals, longest first where they begin alike.
_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(*patterns):
    """Paths below ROOT that git knows or would add, by git's patterns; all without any."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--",
         *patterns], check=True, capture_output=True, text=True).stdout
    paths = {p for p in listed.split("\0") if p and os.path.isfile(os.path.join(ROOT, p))}
    return sorted(paths)


def read(path):
    """A text file's contents; None for a binary one."""
    try:
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            return f.read()
    except UnicodeDecodeError:
        return None


def c_code(text):
    """C without comments and with empty literals; every line keeps its number."""
    def blank(match):
        token = match.group(0)
        kept = token[0] * 2 if token[0] in "\"'" else " "
        return kept + "\n" * token.count("\n")
    return _TOKEN.sub(blank, text)


def c_functions(text):
    """(name, first line, number of lines) of each function, from its name to its last brace."""
    found, start, name = [], None, ""
    for number, line in enumerate(c_code(text).split("\n"), 1):
        if start is None and (match := re.match(r"[A-Za-z_].*?\b(\w+)\(", line)):
            start, name = number, match.group(1)
        elif start is not None and line == "}":
            found.append((name, start, number - start + 1))
            start = None
        if start is not None and re.search(r"[;}]\s*$", line) and not line.startswith((" ", "\t")):
            start = None
    return found
