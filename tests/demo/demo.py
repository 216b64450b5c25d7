#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The demo: makes an image with a real HTTP service, runs it as "make run" does, shows its console,
waits until the host's probe finds it healthy, and ends it as a host does. "make demo" builds what it needs.
"make demo SHELL=1" opens a shell in the guest first, and leads a port of this machine to it.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "vm"), os.path.join(HERE, "..", "..", "runner")]
import mvm_run  # noqa: E402
from rig import build  # noqa: E402
from rig.guest import Guest  # noqa: E402
from rig.images import ImageError  # noqa: E402
from rig.waiting import RigError  # noqa: E402

SECONDS = 120           # for the boot, and as much again for all else
PORT = 8080

# Runs as root before the server starts; /var is an overlay in memory, as the root is squashfs.
PAGE = 'mkdir -p /var/www && echo "$GREETING from $HOSTNAME" >/var/www/index.html'


def make_guest():
    guest = Guest("squashfs")
    guest.busybox("sh", "httpd", "wget", "mkdir", "cat", "test", "ls", "ps", "id", "stty", "sleep",
                  "uname", "df", "free", "top", "vi")
    guest.agent_json(dev=True)
    guest.init_ini(guest={"hostname": "demo", "accounting": "yes"},
                   env={"HOSTNAME": "demo", "GREETING": "Hello"})
    guest.service("web", "/bin/httpd -f -p %d -h /var/www" % PORT, pre_start=PAGE)
    guest.service("reader", "cat /mnt/secrets/motto", type="oneshot", restart="never")
    guest.integration("web", health_cmd="wget -q -O /dev/null http://127.0.0.1:%d/" % PORT,
                      health_interval_secs=2, startup_grace_secs=0, critical=True)
    guest.probe("data-drive", cmd="test -d /mnt/data/lost+found", interval_secs=2)
    return guest


def write(directory, name, text):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
        f.write(text)


def make_image(directory):
    """An image in the form of mkGuest's, and what its drives hold; returns the runner's options."""
    image, config, secrets, state = (
        os.path.join(directory, n) for n in ("image", "config", "secrets", "state"))
    for path in (image, state):
        os.mkdir(path)
    guest = make_guest()
    shutil.copyfile(guest.root_image(), os.path.join(image, "rootfs.squashfs"))
    guest.close()
    os.symlink(build.kernel(), os.path.join(image, "vmlinux"))
    write(image, "manifest.json", json.dumps({
        "rootfsType": "squashfs", "system": "x86_64-linux",
        "kernelArguments": "root=/dev/vda ro rootwait init=/init net.ifnames=0"}))
    write(config, "mvm-env.env", "export GREETING=Good day\n")
    write(secrets, "motto", "a secret that only the service group reads\n")
    return mvm_run.parse([image, "--config", config, "--secrets", secrets, "--state", state,
                          "--data", os.path.join(directory, "data.img") + ":8M",
                          "--accel", "tcg", "--append", "quiet"])


def say(text):
    print(text, flush=True)


def show_console(machine, until):
    """Copies the guest's lines as they arrive, without the kernel's, until the event is set."""
    shown = 0
    while True:
        done = until.wait(0.05)
        lines = machine.console.lines
        for _, text in lines[shown:]:
            shown += 1
            if text and not text.startswith("[ "):
                say("    " + text)
        if done:
            return


def probe(machine, verb, *arguments):
    """Runs mvm-probe against the guest's vsock socket; returns the completed process."""
    return subprocess.run([build.built("mvm-probe"), verb, *arguments, machine.vsock_path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          timeout=2 * SECONDS)


def wait_until_healthy(machine):
    settled = threading.Event()
    console = threading.Thread(target=show_console, args=(machine, settled))
    console.start()
    try:
        waited = probe(machine, "wait", "--timeout", "%ds" % SECONDS)
    finally:
        settled.set()
        console.join()
    if waited.returncode != 0:
        raise RigError("the guest does not become healthy: %s%s\n%s" % (
            waited.stdout, waited.stderr, machine.console.tail()))


def fetch(machine):
    url = "http://127.0.0.1:%d/" % machine.forward(PORT)
    with urllib.request.urlopen(url, timeout=30) as answer:
        return url, answer.read().decode().strip()


def shell(machine):
    """A shell on this terminal, with a forwarded port, until the user leaves it."""
    program = build.built("mvm-probe")
    with subprocess.Popen([program, "forward", machine.vsock_path, "0:%d" % PORT],
                          stdout=subprocess.PIPE, text=True) as forward:
        say("$ mvm-probe forward v.sock 0:%d\n%s" % (PORT, forward.stdout.readline()))
        say("$ mvm-probe shell v.sock\n"
            "(\"exit\" ends it and the demo; ~. at the start of a line leaves it)")
        subprocess.run([program, "shell", machine.vsock_path], check=False)
        forward.terminate()


def run(directory):
    machine = mvm_run.qemu_machine(make_image(directory))
    start = time.monotonic()
    say("Booting a squashfs image with drives for config, secrets and data.")
    with machine:
        wait_until_healthy(machine)
        say("\nHealthy %.1f s after the virtual machine was started.\n" %
            (time.monotonic() - start))
        url, page = fetch(machine)
        say("$ wget -q -O - %s\n%s\n" % (url, page))
        for verb in ("services", "status"):
            asked = probe(machine, verb)
            if asked.returncode != 0:
                raise RigError("mvm-probe %s: %s%s" % (verb, asked.stdout, asked.stderr))
            say("$ mvm-probe %s v.sock\n%s" % (verb, asked.stdout))
        if os.environ.get("DEMO_SHELL"):
            shell(machine)
        else:
            say("Try a shell in this guest: make demo SHELL=1")
        start = time.monotonic()
        machine.ctrl_alt_del()
        machine.wait(SECONDS)
        lines = [text for _, text in machine.console.lines]
        if "[init] goodbye" not in lines:
            raise RigError("the guest ended without a goodbye\n" + machine.console.tail())
    say("Ctrl-Alt-Del: services stopped, drives unmounted, ended after %.1f s. Goodbye." %
        (time.monotonic() - start))


def main():
    for program in ("qemu-system-x86_64", "mksquashfs", "mke2fs"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            sys.exit("demo: %s is not installed; run: tests/install-packages vm" % program)
    try:
        with tempfile.TemporaryDirectory(prefix="demo-") as directory:
            run(directory)
    except (RigError, mvm_run.RunError, ImageError, build.MissingFile, OSError, subprocess.TimeoutExpired) as e:
        sys.exit("demo: %s" % e)


if __name__ == "__main__":
    main()
