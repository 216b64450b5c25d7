#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The probe's verbs with a guest against agents of mvm, each generation with what it has."""
import asyncio
import os
import tempfile
import threading
import unittest

import fakes
import upstream
from rig.tap import main


class Agent:
    """One agent in a thread, with a guest's files in `root`; a context manager."""

    def __init__(self, dialect):
        self.temporary = tempfile.TemporaryDirectory(prefix="mvm-upstream-")
        self.root = os.path.join(self.temporary.name, "root")
        self.path = os.path.join(self.temporary.name, "v.sock")
        os.makedirs(os.path.join(self.root, "tmp"))
        self.dialect = dialect
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()

        async def start():
            self.agent = upstream.Upstream(self.dialect, self.root)
            return await asyncio.start_unix_server(self.agent.serve, self.path)

        asyncio.run_coroutine_threadsafe(start(), self.loop).result(fakes.SECONDS)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.temporary.cleanup()

    def at(self, path):
        return os.path.join(self.root, path)

    def put(self, path, data):
        with open(self.at(path), "wb") as f:
            f.write(data)

    def get(self, path):
        with open(self.at(path), "rb") as f:
            return f.read()

    def names(self, path):
        return sorted(os.listdir(self.at(path)))


def with_both(test):
    """A test of one agent that is made with each of the two later generations."""
    def both(self):
        for dialect in ("B", "C"):
            with self.subTest(dialect), Agent(dialect) as agent:
                test(self, agent)
    return both


class Later(unittest.TestCase):
    """v1, which closes over a hello, and the latest, which wants one."""

    @with_both
    def test_run(self, agent):
        done = fakes.probe("run", agent.path, "--", "-w", "/", "-e", "A=b c", "/bin/sh", "-c",
                           "echo $A; pwd; echo err >&2; exit 3", status=3)
        self.assertEqual((done.stdout, done.stderr), ("b c\n/\n", "err\n"))
        self.assertIn("ProtocolHello", agent.agent.requests)

    @with_both
    def test_another_user_is_refused_in_words(self, agent):
        done = fakes.probe("run", agent.path, "--", "-u", "web", "/bin/true", status=125)
        self.assertIn("runs no commands as another user", done.stderr)

    @with_both
    def test_ls_and_cat(self, agent):
        agent.put("tmp/f", b"text\n" * 20000)
        self.assertEqual(fakes.probe("cat", agent.path, "/tmp/f").stdout, "text\n" * 20000)
        self.assertRegex(fakes.probe("ls", agent.path, "/tmp").stdout, r"file +100000 +f\n")
        self.assertIn("NotFound", fakes.probe("cat", agent.path, "/no", status=1).stderr)

    @with_both
    def test_diff(self, agent):
        self.assertEqual(fakes.probe("diff", agent.path).stdout, "+ /a\n~ /b\n- /c\n")

    @with_both
    def test_copies_are_equal_and_leave_nothing(self, agent):
        for size in (0, 10, 60000, 300000):
            data = os.urandom(size)
            agent.put("here", data)
            fakes.probe("cp", agent.at("here"), agent.path + ":/tmp/there")
            self.assertEqual(agent.get("tmp/there"), data)
            fakes.probe("cp", agent.path + ":/tmp/there", agent.at("back"))
            self.assertEqual(agent.get("back"), data)
        self.assertEqual((agent.names("tmp"), agent.names("")),
                         (["there"], ["back", "here", "tmp"]))

    @with_both
    def test_a_tree(self, agent):
        os.makedirs(agent.at("a/b"))
        agent.put("a/b/f", b"1")
        os.utime(agent.at("a/b/f"), (5, 1000000000))
        fakes.probe("cp", "-r", agent.at("a"), agent.path + ":/tmp")
        fakes.probe("cp", agent.path + ":/tmp/a", agent.at("back"))
        self.assertEqual(agent.get("back/b/f"), b"1")
        self.assertEqual(agent.names("back"), ["b"])

    @with_both
    def test_forward_asks_along_the_same_way(self, agent):
        done = fakes.probe("forward", agent.path, "127.0.0.256:1:80", status=2)
        self.assertIn("is not a port to forward", done.stderr)
        socket = os.path.join(agent.temporary.name, "f.sock")
        process = fakes.subprocess.Popen(
            [fakes.PROBE, "forward", agent.path, socket + ":80"],
            stdout=fakes.subprocess.PIPE, text=True)
        self.assertIn("port 80", process.stdout.readline())
        process.terminate()
        process.communicate(timeout=fakes.SECONDS)
        self.assertIn("StartPortForward", agent.agent.requests)


class Old(unittest.TestCase):
    """0.9 to 0.13: Exec, FsDiff and forwarded ports, on port 52."""

    def test_run_is_an_exec(self):
        with Agent("A") as agent:
            done = fakes.probe("run", agent.path, "--", "-w", "/", "-e", "A=it's", "/bin/sh", "-c",
                               "echo \"$A $0 $1\"; pwd; cat; exit 4", "x y", "'z'",
                               input="in", status=4)
            self.assertEqual(done.stdout, "it's x y 'z'\n/\nin")
            self.assertIn("older than mvm 0.14", done.stderr)

    def test_what_it_cannot_do_is_said(self):
        with Agent("A") as agent:
            for words in (("cat", agent.path, "/f"), ("ls", agent.path, "/"),
                          ("cp", "/etc/hostname", agent.path + ":/tmp/f")):
                done = fakes.probe(*words, status=1)
                self.assertIn("older than mvm 0.14 and has no requests about files", done.stderr)
            done = fakes.probe("run", agent.path, "--", "-u", "web", "/bin/true", status=125)
            self.assertIn("has neither -u nor", done.stderr)
            self.assertEqual(agent.names("tmp"), [])

    def test_diff(self):
        with Agent("A") as agent:
            self.assertEqual(fakes.probe("diff", agent.path).stdout, "+ /a\n~ /b\n- /c\n")


if __name__ == "__main__":
    main()
