#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Puts the output of print-tables into the documents that show it, between their markers; "make docs"
runs it. tests/lint/test_documents.py looks whether it has been done.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "build", "meson-unit", "tests", "tools", "print-tables")

# document: (table, the markers' form)
DOCUMENTS = {
    "man/mvm-service.5": ("keys", '.\\" %s print-tables keys\n'),
    "man/mvm-protocol.7": ("messages", '.\\" %s print-tables messages\n'),
    "tests/fuzz/words.dict": ("dictionary", "# %s print-tables dictionary\n"),
    "man/mvm-init.ini.5": ("sysctl", '.\\" %s print-tables sysctl\n'),
    "doc/supervision.md": ("machine", "<!-- %s print-tables machine -->\n"),
}


def current(document):
    with open(os.path.join(ROOT, document), encoding="utf-8") as f:
        return f.read()


def wanted(document):
    """The document's text with its table as the programs have it."""
    table, marker = DOCUMENTS[document]
    text, begin, end = current(document), marker % "begin", marker % "end"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError("%s: needs the lines %r and %r once each" % (document, begin, end))
    printed = subprocess.run([PROGRAM, table], check=True, capture_output=True, text=True).stdout
    return text[:text.index(begin)] + begin + printed + text[text.index(end):]


def main():
    for document in DOCUMENTS:
        text = wanted(document)
        if text != current(document):
            with open(os.path.join(ROOT, document), "w", encoding="utf-8") as f:
                f.write(text)
            print("updated: " + document)


if __name__ == "__main__":
    sys.exit(main())
