#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""snapshot and restore, against fakes of a guest's agent and of Firecracker's API."""
import json
import os
import tempfile
import unittest

import fakes
from fake_firecracker import Firecracker, MEMORY, STATE
from fakes import probe
from rig.tap import main


def refusal(name, detail):
    return {name: {"success": False, "detail": detail}}


class Snapshots(unittest.TestCase):
    def setUp(self):
        self.fleet = fakes.Fleet(["web"]).__enter__()
        self.addCleanup(self.fleet.__exit__, None, None, None)
        self.guest = self.fleet.guests["web"]
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = os.path.join(temporary.name, "snap")
        self.api = os.path.join(temporary.name, "api.sock")
        self.fake = self.firecracker()

    def firecracker(self, state="Running"):
        fake = Firecracker(self.api, state).__enter__()
        self.addCleanup(lambda: os.path.exists(self.api) and fake.__exit__())
        return fake

    def snapshot(self, *arguments, **options):
        return probe("snapshot", *arguments, "--api-sock", self.api, "--to", self.directory,
                     self.fleet.path("web"), **options)

    def restore(self, *arguments, **options):
        return probe("restore", *arguments, "--api-sock", self.api, "--from", self.directory,
                     self.fleet.path("web"), **options)

    def files(self):
        return sorted(os.listdir(self.directory))

    def calls(self):
        return [(method, path) for method, path, _ in self.fake.calls]


class Taken(Snapshots):
    def test_the_order_and_the_files(self):
        order = []
        for name in ("SleepPrep", "Wake"):
            self.guest.answers[name] = lambda fields, n=name: (
                order.append((n, fields, self.fake.state)), fakes.HEALTHY[n])[1]
        done = self.snapshot("--drain-timeout", "7")
        self.assertEqual(order, [("SleepPrep", {"drain_timeout_secs": 7}, "Running"),
                                 ("Wake", {}, "Running")])
        self.assertEqual(self.fake.calls, [
            ("PATCH", "/vm", {"state": "Paused"}),
            ("PUT", "/snapshot/create", {
                "snapshot_type": "Full", "snapshot_path": os.path.join(self.directory, "vmstate"),
                "mem_file_path": os.path.join(self.directory, "memory")}),
            ("PATCH", "/vm", {"state": "Resumed"})])
        self.assertEqual(self.files(), ["memory", "snapshot.json", "vmstate"])
        self.assertEqual(os.stat(self.directory).st_mode & 0o777, 0o700)
        with open(os.path.join(self.directory, "snapshot.json"), encoding="utf-8") as f:
            manifest = json.load(f)
        self.assertEqual((manifest["format"], manifest["vm"], manifest["state_bytes"],
                          manifest["memory_bytes"]), (1, "web", len(STATE), len(MEMORY)))
        self.assertEqual([line.split(": ")[1] for line in done.stdout.splitlines()],
                         ["sleep-prep", "pause", "snapshot", "manifest", "resume", "wake"])

    def test_json(self):
        answer = json.loads(self.snapshot("--json").stdout)
        self.assertEqual((answer["name"], answer["success"], answer["directory"],
                          answer["error"]), ("web", True, self.directory, None))
        self.assertEqual([s["step"] for s in answer["steps"]],
                         ["sleep-prep", "pause", "snapshot", "manifest", "resume", "wake"])

    def test_a_relative_directory(self):
        parent = os.path.dirname(self.directory)
        self.directory = "here"
        self.snapshot(cwd=parent)
        self.assertEqual(self.fake.calls[1][2]["snapshot_path"],
                         os.path.join(parent, "here", "vmstate"))

    def test_a_guest_that_is_not_ready_is_not_paused(self):
        self.guest.answers["SleepPrep"] = refusal("SleepPrepAck", "postgres: busy\x1b[2J")
        done = self.snapshot(status=1)
        self.assertIn("the guest could not: postgres: busy\\x1b[2J", done.stderr)
        self.assertEqual(self.calls(), [])
        self.assertEqual(self.guest.requests[-1], "Wake", "it goes on")
        self.assertEqual(self.files(), [])

    def test_a_machine_that_cannot_be_written_goes_on(self):
        self.fake.refuse["/snapshot/create"] = "No space left on device"
        done = self.snapshot(status=1)
        self.assertIn("Firecracker refuses PUT /snapshot/create (400): No space left on device",
                      done.stderr)
        self.assertEqual(self.calls()[-1], ("PATCH", "/vm"))
        self.assertEqual((self.fake.state, self.guest.requests[-1]), ("Running", "Wake"))
        self.assertEqual(self.files(), [])
        self.fake.refuse.clear()
        self.snapshot()     # into the same directory

    def test_firecracker_that_does_not_answer(self):
        self.fake.silent.add("/snapshot/create")
        done = self.snapshot("--timeout", "1s", status=3)
        self.assertIn("did not answer in time; see --timeout", done.stderr)
        self.assertEqual((self.fake.state, self.guest.requests[-1]), ("Running", "Wake"))

    def test_no_firecracker(self):
        self.fake.__exit__()
        done = self.snapshot(status=3)
        self.assertIn("is it what Firecracker was given as --api-sock", done.stderr)
        self.assertEqual(self.guest.requests[-1], "Wake")

    def test_a_snapshot_is_not_written_over(self):
        self.snapshot()
        before = len(self.guest.requests)
        self.assertIn("a snapshot is there: choose another directory",
                      self.snapshot(status=3).stderr)
        self.assertEqual(len(self.guest.requests), before, "the guest was not asked")

    def test_what_is_needed(self):
        for verb, option in (("snapshot", "--to"), ("restore", "--from")):
            self.assertIn("%s needs --api-sock PATH and %s DIRECTORY" % (verb, option),
                          probe(verb, "x", status=2).stderr)


class Restored(Snapshots):
    def setUp(self):
        super().setUp()
        self.snapshot()
        self.fake.__exit__()
        self.fake = self.firecracker("Not started")
        self.guest.requests.clear()

    def test_load_and_post_restore(self):
        self.restore()
        self.assertEqual(self.fake.calls, [("PUT", "/snapshot/load", {
            "snapshot_path": os.path.join(self.directory, "vmstate"),
            "mem_backend": {"backend_type": "File",
                            "backend_path": os.path.join(self.directory, "memory")},
            "resume_vm": True})])
        self.assertEqual((self.fake.state, self.guest.requests), ("Running", ["PostRestore"]))

    def test_the_socket_comes_with_the_machine(self):
        self.fleet.stop("web")
        self.fake.loaded = lambda: self.fleet.start("web")
        self.restore()
        self.assertEqual(self.fleet.guests["web"].requests, ["PostRestore"])

    def test_a_guest_that_refuses(self):
        self.guest.answers["PostRestore"] = refusal("PostRestoreAck", "config drive: gone")
        self.assertIn("the guest could not: config drive: gone", self.restore(status=1).stderr)

    def test_a_machine_that_runs_already(self):
        self.fake.state = "Running"
        done = self.restore(status=1)
        self.assertIn("not supported after starting", done.stderr)
        self.assertEqual(self.guest.requests, [])

    def test_a_snapshot_that_is_not_whole(self):
        with open(os.path.join(self.directory, "memory"), "ab") as f:
            f.truncate(100)
        self.assertIn("/memory has 100 bytes where the snapshot had %d" % len(MEMORY),
                      self.restore(status=3).stderr)
        os.unlink(os.path.join(self.directory, "snapshot.json"))
        self.assertIn("not a snapshot, or a snapshot that was not finished",
                      self.restore(status=3).stderr)
        self.assertEqual(self.fake.calls, [])

    def test_another_format(self):
        path = os.path.join(self.directory, "snapshot.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write('{"format": 2}')
        self.assertIn("not a format that this version knows", self.restore(status=3).stderr)


if __name__ == "__main__":
    main()
