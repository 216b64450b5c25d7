#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real builds of guests, without a network: what is in the images, and that it is always the same.

Nothing here needs root: file systems are read with debugfs and unsquashfs.
"""

import hashlib
import json
import os
import re
import shutil
import tarfile

import store
import tap

AGENT = "mvm-guest-agent"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def file_digest(path):
    result = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            result.update(block)
    return result.hexdigest()


# --- Listings: path -> (kind, mode, uid, gid, size or link's target) --------------------------------


def debugfs(image, commands):
    """The output of debugfs commands, one list of lines for each."""
    path = os.path.join(tap.WORK, "debugfs.commands")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(c + "\n" for c in commands)
    done = tap.run(["debugfs", "-f", path, image])
    answers = []
    for line in done.stdout.splitlines():
        if line.startswith("debugfs: "):
            answers.append([])
        elif answers and line:
            answers[-1].append(line)
    return answers


def list_ext4(image):
    entries = {}
    directories = [""]
    links = []
    while directories:
        answers = debugfs(image, [f'ls -p "{d or "/"}"' for d in directories])
        below = []
        for directory, lines in zip(directories, answers):
            for line in lines:
                _, _, mode, uid, gid, name, size = line.rsplit("/", 1)[0].split("/")
                if name in (".", "..") or (directory == "" and name == "lost+found"):
                    continue
                path = f"{directory}/{name}"
                kind = {"04": "d", "10": "f", "12": "l"}[mode[:2]]
                value = int(size) if kind == "f" else 0
                entries[path] = (kind, int(mode[2:], 8), int(uid), int(gid), value)
                if kind == "d":
                    below.append(path)
                elif kind == "l":
                    links.append(path)
        directories = below
    for path, lines in zip(links, debugfs(image, [f'stat "{p}"' for p in links])):
        text = "\n".join(lines)
        fast = re.search(r'Fast link dest: "(.*)"', text)
        target = fast.group(1) if fast else None
        if target is None:
            target = "\n".join(debugfs(image, [f'cat "{path}"'])[0])
        kind, _, uid, gid, _ = entries[path]
        entries[path] = (kind, 0o777, uid, gid, target)
    return entries


def mode_of(text):
    """rwxr-xr-t as a number."""
    mode = sum(1 << (8 - i) for i, c in enumerate(text) if c in "rwxst")
    return mode | (0o1000 if text[8] in "tT" else 0)


def list_squashfs(image):
    entries = {}
    done = tap.run(["unsquashfs", "-lln", image])
    for line in done.stdout.splitlines():
        found = re.match(r"([-dl])(\S{9}) (\d+)/(\d+) +(\d+) \S+ \S+ squashfs-root(/.*)?$", line)
        if not found or not found.group(6):
            continue
        kind, mode, uid, gid, size, path = found.groups()
        kind = {"-": "f", "d": "d", "l": "l"}[kind]
        target = None
        if kind == "l":
            path, target = path.split(" -> ", 1)
        value = int(size) if kind == "f" else target if kind == "l" else 0
        entries[path] = (kind, mode_of(mode), int(uid), int(gid), value)
    return entries


def list_layer(layer):
    entries = {}
    with tarfile.open(layer) as archive:
        for member in archive:
            path = member.name[1:] if member.name.startswith("./") else member.name
            if path in (".", ""):
                continue
            kind = "d" if member.isdir() else "l" if member.issym() else "f"
            value = member.size if kind == "f" else member.linkname if kind == "l" else 0
            mode = 0o777 if kind == "l" else member.mode
            entries[path] = (kind, mode, member.uid, member.gid, value)
    return entries


def differences(a, b, limit=10):
    paths = sorted(p for p in set(a) | set(b) if a.get(p) != b.get(p))
    return "\n".join(f"{p}: {a.get(p)} / {b.get(p)}" for p in paths[:limit])


def cat_ext4(image, path):
    out = os.path.join(tap.WORK, "cat")
    if os.path.exists(out):
        os.remove(out)
    tap.run(["debugfs", "-R", f'dump "{path}" {out}', image])
    with open(out, "rb") as file:
        return file.read()


# --- Tests ----------------------------------------------------------------------------------------


def check_tree(suite, name, entries, shell):
    def is_(path, kind, mode, uid=0, gid=0):
        entry = entries.get(path)
        suite.result(
            entry is not None and entry[:4] == (kind, mode, uid, gid),
            f"{name}: {path} is {kind} {mode:o} {uid}:{gid}",
            entry,
        )

    def links(path, target):
        entry = entries.get(path, (None,))
        suite.result(
            entry[0] == "l" and entry[4] == target, f"{name}: {path} leads to {target}", entry
        )

    is_("/init", "f", 0o755)
    links("/sbin/init", "../init")
    links("/sbin/vminitd", "../init")
    links("/var/run", "../run")
    agents = [p for p, e in entries.items() if os.path.basename(p) == AGENT and e[0] == "f"]
    suite.result(
        len(agents) == 1 and agents[0].startswith("/nix/store/"),
        f"{name}: the agent is one regular file in the store",
        agents,
    )
    for path in (
        "/bin /dev /etc /etc/mvm /etc/mvm/services.d /etc/mvm/integrations.d /etc/mvm/probes.d /home "
        "/mnt/config /mnt/secrets /mnt/data /nix/store /proc /run /sbin /sys /var/lib /var/log"
    ).split():
        is_(path, "d", 0o755)
    is_("/tmp", "d", 0o1777)
    is_("/var/tmp", "d", 0o1777)
    is_("/root", "d", 0o700)
    for path in "passwd group hosts hostname nsswitch.conf protocols services mvm/init.ini".split():
        is_("/etc/" + path, "f", 0o644)
    bundle = [e[4] for p, e in entries.items() if p.endswith("/ca-bundle.crt") and e[0] == "l"]
    suite.result(
        len(bundle) == 2 and all(t in entries for t in bundle),
        f"{name}: the certificates are where programs look, and lead to a file",
        bundle,
    )
    busybox = [p for p in entries if p.endswith("/bin/busybox")]
    suite.equal(f"{name}: /bin/sh is there: {shell}", "/bin/sh" in entries, shell)
    suite.equal(f"{name}: /usr/bin/env is there: {shell}", "/usr/bin/env" in entries, shell)
    if not shell:
        suite.equal(f"{name}: no busybox", busybox, [])
    dangling = [
        p
        for p, e in entries.items()
        if e[0] == "l" and e[4].startswith("/nix/store/") and not reaches(entries, e[4])
    ]
    suite.equal(f"{name}: no link of the image leads out of it", dangling, [])


def reaches(entries, path, depth=0):
    """True if `path` exists in the listing, following directories that are links."""
    if depth > 20:
        return False
    done = ""
    for part in path.strip("/").split("/"):
        done = os.path.normpath(f"{done}/{part}")
        entry = entries.get(done)
        if entry is None:
            return False
        if entry[0] == "l":
            target = os.path.join(os.path.dirname(done), entry[4])
            rest = path[len(done) :] if path.startswith(done) else ""
            return reaches(entries, os.path.normpath(target + rest), depth + 1)
    return True


def check_ext4(suite, output, free_mib):
    image = os.path.join(output, "rootfs.ext4")
    done = tap.run(["e2fsck", "-fn", image])
    suite.equal("ext4: e2fsck finds nothing", done.returncode, 0)
    head = dict(
        re.findall(r"^(.*?): +(.*)$", tap.run(["dumpe2fs", "-h", image]).stdout, re.MULTILINE)
    )
    suite.equal("ext4: the label", head.get("Filesystem volume name"), "mvm")
    suite.result(
        int(head["Free blocks"]) * 4 >= free_mib * 1024
        and int(head["Free blocks"]) * 4 <= (free_mib + 2) * 1024,
        f"ext4: {free_mib} MiB are free",
        head["Free blocks"],
    )
    suite.result(int(head["Free inodes"]) >= 64, "ext4: inodes are free", head["Free inodes"])
    suite.equal("ext4: nothing is reserved for root", head.get("Reserved block count"), "0")
    times = debugfs(image, ["stat /etc/passwd"])[0]
    stamps = [line for line in times if "time:" in line]
    suite.result(
        len(stamps) == 4 and all("0x00000001" in line for line in stamps),
        "ext4: every time is Nix's",
        "\n".join(stamps),
    )


def check_squashfs(suite, output):
    image = os.path.join(output, "rootfs.squashfs")
    text = tap.run(["unsquashfs", "-s", image]).stdout
    suite.result("Compression lz4" in text, "squashfs: compressed with LZ4", text)
    suite.result("1970" in text, "squashfs: its time is Nix's", text)
    suite.equal(
        "squashfs: rootfs.ext4 is there as well",
        os.readlink(os.path.join(output, "rootfs.ext4")),
        "rootfs.squashfs",
    )


def check_manifest(suite, name, output):
    with open(os.path.join(output, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    for entry, facts in manifest["files"].items():
        path = os.path.join(output, entry)
        suite.equal(
            f"{name}: manifest.json is right about {entry}",
            facts,
            {"size": os.path.getsize(path), "sha256": file_digest(path)},
        )
    return manifest


def check_oci(suite, output, work):
    directory = os.path.join(work, "oci")
    shutil.rmtree(directory, ignore_errors=True)
    with tarfile.open(os.path.join(output, "image.tar")) as archive:
        names = archive.getnames()
        archive.extractall(directory)

    def read(name):
        with open(os.path.join(directory, name), "rb") as file:
            return file.read()

    def blob(descriptor):
        data = read("blobs/sha256/" + descriptor["digest"].split(":")[1])
        suite.result(
            "sha256:" + digest(data) == descriptor["digest"] and len(data) == descriptor["size"],
            f"OCI: the descriptor of {descriptor['mediaType']} is right",
        )
        return data

    suite.equal("OCI: layout", json.loads(read("oci-layout")), {"imageLayoutVersion": "1.0.0"})
    index = json.loads(read("index.json"))
    manifest = json.loads(blob(index["manifests"][0]))
    config = json.loads(blob(manifest["config"]))
    layer = manifest["layers"][0]
    data = blob(layer)
    suite.equal("OCI: diff_ids", config["rootfs"]["diff_ids"], ["sha256:" + digest(data)])
    suite.equal("OCI: it runs init", config["config"]["Entrypoint"], ["/init"])
    suite.equal("OCI: the architecture has OCI's name", config["architecture"], "amd64")
    docker = json.loads(read("manifest.json"))[0]
    suite.result(
        docker["Config"] in names and docker["Layers"][0] in names, "OCI: docker finds its parts"
    )
    return list_layer(os.path.join(directory, "blobs/sha256", layer["digest"].split(":")[1]))


def check_everything(suite, image, entries):
    """The guest in which every option is used."""
    homes = {p: entries.get(p, ())[:4] for p in ("/home/app", "/home/docs", "/var/lib/owner")}
    suite.equal(
        "homes belong to their users",
        homes,
        {
            "/home/app": ("d", 0o755, 900, 900),
            "/home/docs": ("d", 0o755, 1000, 1000),
            "/var/lib/owner": ("d", 0o755, 70, 70),
        },
    )
    suite.equal("/home/second has the group", entries.get("/home/second", ())[2:4], (1002, 70))
    suite.result(
        [entries.get(f"/srv/site{name}") for name in ("", "/a", "/a/one", "/run", "/link", "/a/more")]
        == [("d", 0o755, 0, 0, 0)] * 2 + [
            ("f", 0o644, 0, 0, 4),
            ("f", 0o755, 0, 0, 10),
            ("l", 0o777, 0, 0, "a/one"),
            ("f", 0o644, 0, 0, 5),
        ],
        "an extra directory, and a file in it",
        [e for e in entries.items() if e[0].startswith("/srv/site")],
    )
    suite.result(cat_ext4(image, "/srv/hello.txt") == b"hello\n", "an extra file")
    suite.equal(
        "an extra file in a home, with its mode",
        entries.get("/var/lib/owner/private", ())[:4],
        ("f", 0o600, 0, 0),
    )
    for path, mode in (("/srv/index.html", 0o644), ("/srv/run", 0o755)):
        suite.equal(
            f"{path}: a path alone, as executable as it was",
            entries.get(path, ())[:4],
            ("f", mode, 0, 0),
        )
    suite.equal("a copied file, with its mode", entries.get("/etc/copy", ())[:2], ("f", 0o444))
    worker = cat_ext4(image, "/etc/mvm/services.d/worker.ini").decode()
    script = re.search(r"^command = (.*)$", worker, re.MULTILINE).group(1)
    suite.result(
        cat_ext4(image, script).startswith(b"#!/bin/sh\nwhile true; do\n"),
        "a command of several lines is a script in the image",
        worker,
    )
    suite.equal("and may be executed", entries.get(script, ())[:2], ("f", 0o555))
    suite.result(
        "NAME = the \"worker\" ; # and 'co'\n" in worker, "an awkward value is as it was", worker
    )


def check_programs(suite):
    """The programs are those that the project's own build makes."""
    with open(os.path.join(tap.ROOT, "release-sizes.json"), encoding="utf-8") as file:
        limits = json.load(file)
    for name, attribute in (("init", "init"), ("mvm-guest-agent", "agent"), ("mvm-probe", "probe")):
        output, error = store.build("packages." + attribute)
        if not suite.result(output is not None, f"{name} builds", error):
            continue
        size = os.path.getsize(os.path.join(output, "bin", name))
        suite.result(size <= limits[name], f"{name} is as small as it has to be", size)
        released = os.path.join(tap.ROOT, "build", "release", name)
        if os.path.exists(released):
            suite.result(
                abs(size - os.path.getsize(released)) <= 64,
                f"{name} has the size of the release",
                f"{size}, and the release {os.path.getsize(released)}",
            )


def build_all(suite, names):
    outputs = {}
    for name in names:
        output, error = store.build(name)
        if suite.result(output is not None, f"{name} builds", error):
            outputs[name] = output
    return outputs


# A kernel whose configuration is what it is asked for.
KERNEL_MAKEFILE = "allnoconfig:\n\tcp $(KCONFIG_ALLCONFIG) $(O)/.config\n"


def check_kernel_configuration(suite):
    """`configure` finds all that it reads in what the kernel's derivation has of nix/kernel."""
    directory, error = store.build("kernel-configuration")
    if not suite.result(directory is not None, "the kernel's configuration builds", error):
        return
    source = os.path.join(tap.WORK, "kernel-source")
    os.makedirs(source, exist_ok=True)
    for name, text in (("Kconfig", "config TUN\n"), ("Makefile", KERNEL_MAKEFILE)):
        with open(os.path.join(source, name), "w", encoding="utf-8") as file:
            file.write(text)
    out = os.path.join(tap.WORK, "kernel-object")
    done = tap.run(["sh", os.path.join(directory, "configure"), source, "x86_64", out]
                   + ["features/tun", "profiles/lean"])
    if suite.equal("the kernel is configured", (done.returncode, done.stderr), (0, "")):
        with open(os.path.join(out, ".config"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        suite.result("CONFIG_TUN=y" in lines, "a feature is in the configuration", lines)
        suite.result(
            "# CONFIG_RETHUNK is not set" in lines and "CONFIG_RETHUNK=y" not in lines,
            "a profile counts more than the ordinary configuration",
            lines,
        )


def main():
    tap.require_nix()
    suite = tap.Suite()
    store.prepare(store.FIRST)
    names = ["ext4", "squash", "everything-ext4", "everything-squash", "modules"]
    outputs = build_all(suite, names)
    if len(outputs) < len(names):
        suite.done()

    check_kernel_configuration(suite)
    check_programs(suite)
    ext4 = list_ext4(os.path.join(outputs["ext4"], "rootfs.ext4"))
    squash = list_squashfs(os.path.join(outputs["squash"], "rootfs.squashfs"))
    check_tree(suite, "ext4", ext4, shell=False)
    suite.result(ext4 == squash, "ext4 and squashfs hold the same", differences(ext4, squash))
    check_ext4(suite, outputs["ext4"], 64)
    check_ext4(suite, outputs["everything-ext4"], 16)
    check_squashfs(suite, outputs["squash"])

    every_image = os.path.join(outputs["everything-ext4"], "rootfs.ext4")
    every = list_ext4(every_image)
    check_tree(suite, "everything", every, shell=True)
    check_everything(suite, every_image, every)
    other = list_squashfs(os.path.join(outputs["everything-squash"], "rootfs.squashfs"))
    suite.result(every == other, "everything: squashfs holds the same", differences(every, other))
    layer = check_oci(suite, outputs["everything-ext4"], tap.WORK)
    suite.result(every == layer, "everything: the OCI layer holds the same", differences(every, layer))

    sizes = {}
    for name in names:
        manifest = check_manifest(suite, name, outputs[name])
        with open(os.path.join(outputs[name], "vmconfig.json"), encoding="utf-8") as file:
            words = json.load(file)["boot-source"]["boot_args"]
        suite.equal(
            f"{name}: Firecracker gets the words of the manifest, but for root=",
            [manifest["consoleArguments"]["console"], *manifest["kernelArguments"].split()[2:]],
            words.split(),
        )
        suite.result("i8042.dumbkbd" in words, f"{name}: one keyboard is looked for", words)
        sizes[name] = manifest
    because = sizes["everything-ext4"]["shell"]["because"]
    suite.equal(
        "manifest.json says why there is a shell",
        because,
        [
            "services.once.command names its program without a path",
            "services.report.command has several lines",
            "services.script.command is a script",
            "services.worker.command has several lines",
            "services.worker.preStart has several lines",
            "healthChecks.worker.healthCmd uses shell syntax",
            "probes.memory.command names its program without a path",
        ],
    )
    suite.equal(
        "modules make the same image",
        store.contents(outputs["modules"]),
        store.contents(outputs["ext4"]),
    )

    # Another store, other processors, and hard links instead of equal files.
    store.prepare(store.SECOND)
    for name in names[:4]:
        again, error = store.build(
            name, store.SECOND, ["--cores", "1", "--option", "auto-optimise-store", "true"]
        )
        if suite.result(again is not None, f"{name} builds in a second store", error):
            suite.equal(
                f"{name}: two builds in two stores are the same, byte for byte",
                store.contents(again),
                store.contents(outputs[name]),
            )

    size = {n: m["files"] for n, m in sizes.items()}
    print(f"# tree {sizes['ext4']['treeBytes']} bytes, "
          f"ext4 {size['ext4']['rootfs.ext4']['size']}, "
          f"squashfs {size['squash']['rootfs.squashfs']['size']}")

    for name, message in {
        "no-program": "services.web.command: there is no program no-such-program in the PATH",
        "no-applet": "services.web.command: there is no program no-such-program in the PATH",
        "directory": "-curl is a directory; name the program in it",
        "literal-path": "-curl/bin/curl is not in the image; interpolate the package",
        "no-path": "services.web.command: /usr/bin/curl is not in the image",
        "no-file": "/bin/no-curl is not in the image",
        "interpreter": "-start is a script for /usr/bin/python3, which the image does not have",
        "not-executable": "-start is not executable",
        "no-bundle": "has no /etc/ssl/certs/ca-bundle.crt",
        "no-kernel": "has neither vmlinux nor Image",
        "directory-mode": "extraFiles.\"/srv/site\".mode: the source is a directory",
    }.items():
        output, error = store.build("broken." + name)
        suite.result(output is None and message in error, f"refused: {name}", error or "it builds")
    suite.done()


if __name__ == "__main__":
    main()
