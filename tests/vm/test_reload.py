#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGHUP reads the service files again: only services whose files changed are restarted."""
import cases
from rig.tap import main

DIR = "/etc/mvm/services.d/"


def ini(command, *keys):
    """A service file as an argument of the shell's printf."""
    return "'[service]\\ncommand = %s\\n%s'" % (command, "".join(k + "\\n" for k in keys))


class Reload(cases.GuestCase):
    def booted(self, root="ext4"):
        guest = self.guest(root, agent=False)
        cases.add_remote(guest)
        guest.busybox("printf", "rm", "mv", "kill", "ls", "cat", "sleep")
        guest.service("keep", "/bin/facts pid + sleep")
        guest.service("change", "/bin/facts echo one + stubborn", stop_timeout="300ms")
        guest.service("gone", "/bin/acts trap bye")
        guest.service("breaks", "/bin/facts pid + sleep")
        guest.service("fixed", "/bin/facts echo never", colour="red")
        guest.service("behind", "/bin/facts echo behind + sleep", requires="fixed")
        machine = self.boot(guest)
        for line in ("keep: pid: .*", "change: stubborn: .*", "gone: trap: set", "breaks: pid: .*",
                     r"\[init\] behind: cannot start: it requires fixed"):
            machine.console.rewind()
            machine.console.wait_line(line)
        return machine

    def write(self, machine, name, text):
        """Writes like an editor: a new file, then a rename."""
        self.do(machine, "printf %s >/tmp/new; cat /tmp/new >%sx; mv %sx %s%s.ini" % (
            text, DIR, DIR, DIR, name))

    def reload(self, root):
        machine = self.booted(root)
        self.write(machine, "change", ini("/bin/facts echo two + sleep", "tasks_max = 9"))
        self.write(machine, "new", ini("/bin/facts echo here + sleep"))
        self.write(machine, "breaks", ini("/bin/facts pid", "colour = red"))
        self.write(machine, "fixed", ini("/bin/facts echo fixed + sleep"))
        self.do(machine, "rm %sgone.ini" % DIR)
        self.do(machine, "kill -HUP 1")
        self.wait_init(machine, "gone: its file was removed")
        for line in ("change: two", "new: here", "gone: trap: bye", "fixed: fixed"):
            machine.console.rewind()
            machine.console.wait_line(line)
        output = self.output(machine)
        self.assertEqual(len(output.facts("keep", "pid")), 1)
        self.assertEqual(len(output.facts("breaks", "pid")), 1)
        self.assertIn("change: its file has changed", output.init())
        self.assertIn("change: does not stop on TERM: killed", output.init())
        self.assertIn("breaks: keeping the previous configuration", output.init())
        self.assertIn("read /etc/mvm/services.d again: 2 started, 1 stopped, 1 restarted, "
                      "4 unchanged, 1 bad", output.init())
        self.assertIn("got: signal 15", output.lines("change"))
        self.do(machine, "ls /sys/fs/cgroup/services; cat /sys/fs/cgroup/services/change/pids.max")
        listed = self.output(machine).lines("remote")
        self.assertNotIn("gone", listed)
        self.assertLess({"keep", "change", "new", "breaks", "fixed", "9"}, set(listed))
        before = len(self.output(machine).init())       # all lines are there by now
        self.do(machine, "kill -HUP 1")
        for _ in range(2):
            self.wait_init(machine, "read /etc/mvm/services.d again: .*")
        machine.ctrl_alt_del()
        self.wait_init(machine, "goodbye")
        after = [l for l in self.output(machine).init()[before:]
                 if not l.startswith(("breaks: ", "/etc/mvm/services.d/breaks.ini:"))]
        self.assertEqual([l for l in after if "does not stop" not in l], [
            "read /etc/mvm/services.d again: 0 started, 0 stopped, 0 restarted, 7 unchanged, 1 bad",
            "shutting down...", "goodbye"])

    def test_on_ext4(self):
        self.reload("ext4")

    def test_on_squashfs(self):
        self.reload("squashfs")

    def test_a_file_that_comes_back_at_once(self):
        """It returns before its service has stopped: unchanged, and changed."""
        for text in ("/bin/facts echo one + stubborn", "/bin/facts echo other + stubborn"):
            with self.subTest(text):
                machine = self.booted()
                self.do(machine, "mv %schange.ini /tmp/change; kill -HUP 1" % DIR)
                self.wait_init(machine, "change: its file was removed")
                self.write(machine, "change", ini(text, "stop_timeout = 300ms"))
                self.do(machine, "kill -HUP 1")
                self.wait_init(machine, "change: does not stop on TERM: killed")
                machine.console.wait_line("change: " + text.split()[2])
                self.do(machine, "ls /sys/fs/cgroup/services")
                self.assertIn("change", self.output(machine).lines("remote"))

    def test_again_and_again(self):
        """A hundred reloads, and the file changes each time; the last version wins."""
        machine = self.booted()
        self.do(machine, "i=0; while [ $i -lt 100 ]; do i=$((i+1)); printf '[service]\\ncommand = "
                         "/bin/facts echo v%%s + sleep\\n' $i >%schange.ini; kill -HUP 1; done" % DIR)
        machine.console.wait_line("change: v100")
        self.do(machine, "cat /sys/fs/cgroup/services/change/cgroup.procs")
        procs = [l for l in self.output(machine).lines("remote") if l.isdigit()]
        self.assertEqual(len(procs), 1)

    def test_a_limit_that_is_no_more(self):
        machine = self.booted()
        for key, wanted in (("tasks_max = 9", "9"), ("nice = 1", "max")):
            self.write(machine, "keep", ini("/bin/facts echo %s + sleep" % wanted, key))
            self.do(machine, "kill -HUP 1")
            machine.console.wait_line("keep: " + wanted)
            self.do(machine, "echo %s: $(cat /sys/fs/cgroup/services/keep/pids.max)" % key)
            self.assertIn("%s: %s" % (key, wanted), self.output(machine).lines("remote"))

    def test_no_directory_any_more(self):
        machine = self.booted()
        machine.console.rewind()
        machine.console.wait_line("remote: ready")
        # The shell itself stops, perhaps before it can report.
        machine.type("mv /etc/mvm/services.d /etc/mvm/away; kill -HUP 1\n")
        self.wait_init(machine, "read /etc/mvm/services.d again: .*")
        self.end(machine)


if __name__ == "__main__":
    main()
