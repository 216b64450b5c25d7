# SPDX-License-Identifier: MIT
"""Contents of a guest: programs, accounts, service files."""
import json

from . import build, images

SERVICE_ID = 900        # uid and gid of the service group's user
AGENT_ID = 901
AGENT = "/usr/bin/mvm-guest-agent"

_DIRECTORIES = ("/bin", "/dev", "/etc/mvm/services.d", "/etc/mvm/integrations.d",
                "/etc/mvm/probes.d", "/home", "/mnt/config", "/mnt/data", "/mnt/secrets", "/proc",
                "/run", "/sbin", "/sys", "/usr/bin", "/var/log")


def _ini(sections):
    text = ""
    for name, keys in sections.items():
        text += "[%s]\n" % name + "".join("%s = %s\n" % kv for kv in keys.items()) + "\n"
    return text


class Contents:
    """
    The root file system, made from parts; .tree is all of it, for parts without a method here.

    agent         put the guest agent in
    init          path of another program to be PID 1
    """

    def __init__(self, agent=True, init=None):
        self._users = {"root": (0, 0, "/root"), "mvm": (SERVICE_ID, SERVICE_ID, "/"),
                       "mvm-agent": (AGENT_ID, AGENT_ID, "/")}
        self._groups = {"root": (0, []), "mvm": (SERVICE_ID, []), "mvm-agent": (AGENT_ID, [])}
        self.tree = images.Tree()
        for path in _DIRECTORIES:
            self.tree.directory(path)
        self.tree.directory("/root", mode=0o700)
        self.tree.directory("/tmp", mode=0o1777)
        self.tree.copy(init or build.guest_program("init"), "/init")
        self.tree.symlink("/sbin/init", "/init")
        self.tree.symlink("/sbin/vminitd", "/init")
        for program in ("facts", "acts"):
            self.tree.copy(build.program(program), "/bin/" + program)
        if agent:
            self.tree.copy(build.guest_program("mvm-guest-agent"), AGENT)

    def user(self, name, uid, gid=None, home="/", groups=("mvm",)):
        """An account; gid None: a group of the same name and number. groups: supplementary."""
        if gid is None:
            gid = uid
            self._groups.setdefault(name, (gid, []))
        self._users[name] = (uid, gid, home)
        for group in groups:
            self._groups[group][1].append(name)
        return self

    def group(self, name, gid, members=()):
        self._groups[name] = (gid, list(members))
        return self

    def init_ini(self, **sections):
        """/etc/mvm/init.ini: init_ini(guest={"hostname": "web-1"}, drives={...})."""
        self.tree.file("/etc/mvm/init.ini", _ini(sections))
        return self

    def service(self, name, command, env=None, **keys):
        """/etc/mvm/services.d/NAME.ini; keys as in the file: user="web", restart="never" ..."""
        sections = {"service": dict(command=command, **keys)}
        if env:
            sections["env"] = env
        return self.service_file(name, _ini(sections))

    def service_file(self, name, text):
        """The same with the file's text given, also a wrong one."""
        self.tree.file("/etc/mvm/services.d/%s.ini" % name, text)
        return self

    def facts(self, name, modes, **keys):
        """
        A service that runs the modes of payload/facts.c once, and then sleeps:
        facts("who", "id + read /mnt/secrets/key"). Its lines come as "who: id: uid=900 ...".
        """
        return self.service(name, "/bin/facts %s + echo done + sleep" % modes, **keys)

    def integration(self, name, **keys):
        """/etc/mvm/integrations.d/NAME.json with its name and these keys."""
        self.tree.file("/etc/mvm/integrations.d/%s.json" % name, json.dumps({"name": name, **keys}))
        return self

    def probe(self, name, **keys):
        """/etc/mvm/probes.d/NAME.json with its name and these keys."""
        self.tree.file("/etc/mvm/probes.d/%s.json" % name, json.dumps({"name": name, **keys}))
        return self

    def agent_json(self, **keys):
        self.tree.file("/etc/mvm/agent.json", json.dumps(keys))
        return self

    def busybox(self, *applets):
        """busybox as /bin/busybox, and links to it in /bin: busybox("sh", "httpd")."""
        self.tree.copy(build.busybox(), "/bin/busybox")
        for applet in applets:
            self.tree.symlink("/bin/" + applet, "busybox")
        return self

    def finish(self):
        """Adds the account files, unless they are there; returns the tree."""
        passwd = "".join("%s:x:%d:%d::%s:/bin/sh\n" % ((n,) + u) for n, u in self._users.items())
        group = "".join("%s:x:%s:%s\n" % (n, gid, ",".join(members))
                        for n, (gid, members) in self._groups.items())
        for path, text in (("/etc/passwd", passwd), ("/etc/group", group)):
            if path not in self.tree.paths():
                self.tree.file(path, text)
        return self.tree
