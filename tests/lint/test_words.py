#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plain words: phrases that a reader stumbles over are in no file, and no predicate asks a question."""
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
import source  # noqa: E402
from rig.tap import main  # noqa: E402

# phrase: what to write instead
PLAIN = {
    "any more": "no longer; or say what is left",
    "anew": "again, or new",
    "likewise": "the same, or the words themselves",
    "as far as": "until, up to, or that",
    "of which": "two sentences",
    "what has gone": "name the thing",
    "that there can be": "the smallest, the longest",
    "nothing speaks against": "the default",
    "whoever": "name the actor",
    "is none of": "is not one of",
    "makes no sense": "say what is wrong",
    "prints how it is meant": "prints its usage",
}

# Tables of other programs' words, and the list above.
NOT_OURS = ("tests/vectors/", "tests/fuzz/seeds/", "tests/lint/test_words.py", "CHANGELOG.md")


def findings(text):
    """(line number, phrase) of each phrase in a text, also where a line ends within it."""
    # A comment's or a string's next line begins with marks that are no words.
    plain = re.sub(r'\n(?:[ \t]*(?:\*|#|//|\.\\"))?[ \t]*', "\n", text)
    found = []
    for phrase in PLAIN:
        pattern = r"\b" + phrase.replace(" ", r"\s+") + r"\b"
        found += [(plain.count("\n", 0, m.start()) + 1, phrase)
                  for m in re.finditer(pattern, plain, re.IGNORECASE)]
    return sorted(found)


def questions(text):
    """Comments right before a function that returns bool and that ask instead of saying."""
    return re.findall(r"/\*((?:(?!\*/).)*?\?)\s*\*/\n(?:static )?bool \w+\(", text, re.DOTALL)


class Words(unittest.TestCase):
    def test_a_phrase_is_found_over_the_end_of_a_line(self):
        comment = "/*\n * It is not there any\n * more, %s.\n */" % "an" "ew"
        self.assertEqual(findings(comment), [(2, "any more"), (3, "anew")])
        self.assertEqual(findings("the new one is likely wise"), [])

    def test_a_question_is_found(self):
        self.assertEqual(questions("/* Is it there? */\nbool is_there(int fd)\n"), [" Is it there?"])
        self.assertEqual(questions("/* True if it is there. */\nbool is_there(int fd)\n"), [])

    def test_no_file_has_a_phrase_that_a_reader_stumbles_over(self):
        found = ["%s:%d: %s (%s)" % (path, line, phrase, PLAIN[phrase])
                 for path in source.files() if not path.startswith(NOT_OURS)
                 for line, phrase in findings(source.read(path) or "")]
        if found:
            self.fail("say it plainly:\n" + "\n".join(found))

    def test_a_predicate_says_when_it_is_true(self):
        found = ["%s:%s" % (path, question) for path in source.files("*.c", "*.h")
                 for question in questions(source.read(path) or "")]
        if found:
            self.fail('begin the comment with "True if":\n' + "\n".join(found))


if __name__ == "__main__":
    main()
