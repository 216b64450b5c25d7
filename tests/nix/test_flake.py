#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The flake as others use it: through git+file:...?dir=nix, with nixpkgs overridden."""

import base64
import glob
import json
import os
import re
import shutil
import tempfile

import store
import tap

NIXPKGS = "path:" + os.path.join(tap.HERE, "stub-nixpkgs")
FLAKE = f"git+file://{tap.ROOT}?dir=nix"
SYSTEMS = ["x86_64-linux", "aarch64-linux"]
DERIVATION = "/nix/store/"


def nix(*arguments, overrides=(), cwd=None):
    command = ["nix", *arguments, "--store", store.FIRST, "--no-write-lock-file"]
    for name, url in overrides:
        command += ["--override-input", name, url]
    return tap.run(command, cwd=cwd)


def evaluate(installable, overrides, apply=None):
    """The value of an attribute of a flake, or None and the error."""
    arguments = ["eval", "--json", installable]
    if apply:
        arguments += ["--apply", apply]
    done = nix(*arguments, overrides=overrides)
    if done.returncode != 0:
        return None, done.stderr
    return json.loads(done.stdout), ""


def ours(attribute, apply=None):
    return evaluate(f"{FLAKE}#{attribute}", [("nixpkgs", NIXPKGS)], apply)


CONSUMER = [("mvm", FLAKE), ("nixpkgs", NIXPKGS), ("mvm/nixpkgs", NIXPKGS)]


def names(suite, attribute, want):
    got, error = ours(attribute, "builtins.attrNames")
    suite.result(got == sorted(want), f"{attribute} has {', '.join(sorted(want))}", error or got)


def derivations(suite, attribute):
    """Every derivation of a set evaluates."""
    got, error = ours(attribute, "builtins.mapAttrs (_: p: p.drvPath)")
    suite.result(
        got is not None and all(path.startswith(DERIVATION) for path in got.values()),
        f"{attribute} evaluates",
        error or got,
    )


def copy_of(directory, work):
    """A copy of a flake outside of this repository, as a user has it."""
    target = os.path.join(tempfile.mkdtemp(dir=work), "flake")
    shutil.copytree(directory, target, copy_function=shutil.copyfile)
    for parent, _, _ in os.walk(target):
        os.chmod(parent, 0o755)
    return target


def consumer(suite, name, directory, attributes, work):
    path = copy_of(directory, work)
    # An input that follows another one cannot be overridden.
    with open(os.path.join(path, "flake.nix"), encoding="utf-8") as file:
        follows = "mvm.inputs.nixpkgs.follows" in file.read()
    overrides = [o for o in CONSUMER if not (follows and o[0] == "mvm/nixpkgs")]
    for attribute in attributes:
        got, error = evaluate(f"path:{path}#packages.{attribute}.drvPath", overrides)
        suite.result(
            got is not None and got.startswith(DERIVATION), f"{name}: {attribute} evaluates", error
        )


def expression(suite, name, text, want):
    """An expression over our functions (`mvm`), a directory (`source`) and nixpkgs (`pkgs`)."""
    preamble = f"""
      let
        pkgs = import {tap.HERE}/stub-nixpkgs {{ system = "x86_64-linux"; }};
        mvm = import {tap.ROOT}/nix {{ inherit pkgs; }};
        source = {tap.HERE}/documented;
      in
    """
    done = nix("eval", "--impure", "--json", "--expr", preamble + text)
    got = json.loads(done.stdout) if done.returncode == 0 else None
    suite.result(got == want, name, done.stderr or got)


def branch_of_nixpkgs(path):
    """The branch of nixpkgs that a flake.nix names."""
    with open(path, encoding="utf-8") as file:
        found = re.findall(r'nixpkgs\.url = "github:NixOS/nixpkgs/([^"/]+)"', file.read())
    return found[0] if len(found) == 1 else None


def lock(suite):
    """flake.lock pins what flake.nix names, and nix takes it as it is, without a network."""
    flake = os.path.join(tap.ROOT, "nix", "flake.nix")
    with open(os.path.join(tap.ROOT, "nix", "flake.lock"), encoding="utf-8") as file:
        nodes = json.load(file)
    branch = branch_of_nixpkgs(flake)
    suite.equal("flake.lock locks nixpkgs and nothing else", sorted(nodes["nodes"]),
                ["nixpkgs", "root"])
    node = nodes["nodes"]["nixpkgs"]
    agrees = suite.equal(
        "flake.lock is of the branch that flake.nix names",
        node["original"],
        {"owner": "NixOS", "repo": "nixpkgs", "ref": branch, "type": "github"},
    )
    locked = node["locked"]
    suite.result(
        (locked["owner"], locked["repo"], locked["type"]) == ("NixOS", "nixpkgs", "github")
        and re.fullmatch("[0-9a-f]{40}", locked["rev"])
        and len(base64.b64decode(locked["narHash"].removeprefix("sha256-"), validate=True)) == 32
        and isinstance(locked["lastModified"], int),
        "flake.lock has a revision and the hash of its files",
        locked,
    )
    for path in sorted(glob.glob(os.path.join(tap.ROOT, "nix", "*", "**", "flake.nix"),
                                 recursive=True)):
        suite.equal(f"{os.path.relpath(path, tap.ROOT)} names the same branch",
                    branch_of_nixpkgs(path), branch)
    if not agrees:  # nix would ask the network for the other branch
        return
    done = nix("flake", "metadata", "--json", "--offline", "--no-update-lock-file", FLAKE)
    suite.equal("nix changes nothing in flake.lock",
                json.loads(done.stdout)["locks"] if done.returncode == 0 else done.stderr, nodes)


MODULES = """
let
  evaluated = pkgs.lib.evalModules {
    modules = [
      mvm.module
      { _module.args.pkgs = pkgs; }
      { name = "web"; packages = [ pkgs.curl ]; services.web.command = "/bin/true"; }
      { packages = [ pkgs.python3 ]; services.web.env.PORT = "8080"; services.db.command = "/bin/db"; }
    ];
  };
in
{
  packages = builtins.length evaluated.config.packages;
  services = builtins.attrNames evaluated.config.services;
  env = evaluated.config.services.web.env;
  interval = evaluated.options.healthChecks.type.name;
  same = evaluated.config.image.drvPath == (mvm.lib.mkGuest {
    name = "web";
    packages = [ pkgs.curl pkgs.python3 ];
    services.web = { command = "/bin/true"; env.PORT = "8080"; };
    services.db.command = "/bin/db";
  }).drvPath;
}
"""

MODULAR = """
let
  guest = module: mvm.lib.mkGuest {
    name = "m"; modularServices.php = module; services.php.user = "root";
  };
  evaluates = module: (builtins.tryEval (guest module).drvPath).success;
  one = module: let s = (guest module).config.services.php; in
    { inherit (s) ready reloadSignal reloadCommand env; };
  says = protocol: (one { imports = [ { process.argv = [ "/bin/a" ]; } protocol ]; }).ready;
  php = { config, ... }: {
    _class = "service";
    process.argv = [ "/bin/php" "-m" "it's" config.configData."a.conf".path ];
    process.notificationProtocol = "sd_notify";
    configData."a.conf".text = "x = 1\\n";
    configData.unused = { enable = false; };
    configData.page = { name = "www"; source = source; };
    process.environment = { A = "1"; GONE = null; };
    mvm.service.env.B = 2;
    meta.maintainers = [ "somebody" ];
    services.pool.process.argv = [ "/bin/pool" ];
  };
  config = (guest php).config;
in
{
  services = builtins.mapAttrs (_: s: { inherit (s) command ready user env; }) config.services;
  files = builtins.mapAttrs (_: f: "${f.source}") config.extraFiles == {
    "/etc/mvm/config-data/php/a.conf" = "${pkgs.writeText "config-data" "x = 1\n"}";
    "/etc/mvm/config-data/php/www" = "${source}";
  };
  # The forms in which nixpkgs and its drafts name the protocol.
  protocols = map says [
    { } { notificationProtocol.systemd = true; } { notificationProtocol = [ "systemd" ]; }
    { notificationProtocol = "systemd"; } { notificationProtocol.s6 = false; }
    { process.notificationProtocol = "none"; } { process.notificationProtocol = null; }
  ];
  signal = one { process = { argv = [ "/bin/a" ]; reloadSignal = "SIGHUP"; }; };
  # Nobody waits for an answer that other service managers do not ask for.
  answered = one {
    process = { argv = [ "/bin/a" ]; reloadSignal = "HUP"; };
    notificationProtocol.systemd = true;
  };
  ours = one {
    process = { argv = [ "/bin/a" ]; reloadSignal = "HUP"; };
    mvm.service.reloadSignal = "USR1";
  };
  command = one { process = { argv = [ "/bin/a" ]; reloadCommand = "/bin/b $MAINPID"; }; };
  # For systemd only, where the module looks for it; a guest is not one.
  portable = evaluates ({ options, ... }: {
    process.argv = [ (if options ? systemd then 1 else "/bin/a") ];
  });
  refused = map evaluates [
    { process = { argv = [ "/bin/a" ]; reloadSignal = "HUP"; reloadCommand = "/bin/b"; }; }
    { process.argv = [ "/bin/a" ]; systemd.service = { }; }
    { process.argv = [ ]; }
    { process.argv = [ "/bin/a" ]; configData.x = { }; }
    { process.argv = [ "/bin/a" ]; configData.x.source = "/var/lib/x"; }
    { process.argv = [ "/bin/a" ]; mvm.service.comand = "x"; }
    { process.argv = [ "/bin/a" ]; mvm.service.restart = "sometimes"; }
    { process.argv = [ "/bin/a" ]; notificationProtocol = [ "carrier-pigeon" ]; }
    "text"
  ];
  clash = (builtins.tryEval (mvm.lib.mkGuest {
    name = "m";
    modularServices.a = { process.argv = [ "/bin/a" ]; services.b.process.argv = [ "/bin/b" ]; };
    modularServices.a-b.process.argv = [ "/bin/c" ];
  }).drvPath).success;
  failed = evaluates { process.argv = [ "/bin/a" ]; assertions = [ { assertion = false; message = "no"; } ]; };
  empty = evaluates { };
}
"""

REFUSED = """
let
  tried = module: (builtins.tryEval (mvm.lib.evalGuest [ { name = "web"; } module ]).drvPath).success;
in
map tried [
  { services.web.command = "/bin/true"; }
  { services.web.comand = "/bin/true"; }
  { services.web = { command = "/bin/true"; restart = "sometimes"; }; }
  { services.web = { command = "/bin/true"; user = "nobody-defined"; }; }
  { hostname = 1; }
]
"""


def main():
    tap.require_nix()
    if shutil.which("git") is None or not os.path.exists(os.path.join(tap.ROOT, ".git")):
        tap.skip_all("not a git checkout")
    suite = tap.Suite()
    store.prepare(store.FIRST)
    work = os.path.join(tap.WORK, "flakes")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)

    lock(suite)
    functions = "evalGuest mkGuest mkNodeService mkProfiles mkPythonService mkStaticSite".split()
    for system in SYSTEMS:
        names(suite, f"lib.{system}", functions)
        names(suite, f"packages.{system}", ["agent", "default", "init", "kernel", "probe", "run"])
        derivations(suite, f"packages.{system}")
        derivations(suite, f"checks.{system}")
        derivations(suite, f"devShells.{system}")
        got, error = ours(f"formatter.{system}.drvPath")
        suite.result(got is not None, f"formatter.{system} evaluates", error)
        got, error = ours(f"apps.{system}.default.program")
        suite.result(
            got is not None and got.endswith("/bin/mvm-probe"), f"apps.{system}.default", error
        )
    got, error = ours("templates.default.description")
    suite.result(isinstance(got, str), "templates.default is there", error)
    for name in ("nixosModules.guest", "modules.mvm.guest"):
        got, error = ours(f"{name}._class")
        suite.result(got == "mvm", f"{name} is a module of a class of its own", error or got)
    got, error = ours("apps", "builtins.mapAttrs (_: builtins.mapAttrs (_: a: a.meta.description))")
    suite.result(
        got is not None and all(text for apps in got.values() for text in apps.values()),
        "every app has a description",
        error or got,
    )
    for what in ("lib.aarch64-darwin.mkGuest", "legacyPackages.aarch64-darwin.default"):
        got, error = ours(what)
        suite.result(
            "guests are Linux, and are built on Linux" in error and "aarch64-linux" in error,
            f"{what} says where guests are built",
            error or got,
        )
    alone = copy_of(os.path.join(tap.ROOT, "nix"), work)
    got, error = evaluate(f"path:{alone}#packages.x86_64-linux.init.name", [("nixpkgs", NIXPKGS)])
    suite.result(
        "name the whole repository, as git+file:" in error,
        "nix/ alone, as a path: flake, says what to name instead",
        error or got,
    )
    got, error = ours(
        "overlays.default",
        "overlay: let pkgs = import %s/stub-nixpkgs { system = \"x86_64-linux\";"
        " overlays = [ overlay ]; }; in builtins.attrNames (overlay pkgs pkgs)" % tap.HERE,
    )
    suite.result(
        got is None or got == ["mvm-guest-agent", "mvm-init", "mvm-kernel", "mvm-probe", "mvmLib"],
        "overlays.default has our packages",
        error or got,
    )

    examples = os.path.join(tap.ROOT, "nix", "examples")
    for name in sorted(os.listdir(examples)):
        consumer(
            suite,
            f"example {name}",
            os.path.join(examples, name),
            [f"{system}.default" for system in SYSTEMS],
            work,
        )
    consumer(
        suite,
        "the documented form",
        os.path.join(tap.HERE, "documented"),
        [f"aarch64-linux.{n}" for n in ("default", "options", "python", "static", "scripts")],
        work,
    )

    # `nix flake init` would look for the real nixpkgs; it copies this directory.
    template, error = ours("templates.default.path", "path: \"${path}\"")
    if suite.result(template is not None, "the template has a path", error):
        directory = store.FIRST + template
        consumer(suite, "the template", directory, [f"{s}.default" for s in SYSTEMS], work)

    expression(
        suite,
        "modules: options are merged, and make what mkGuest makes",
        MODULES,
        {
            "packages": 2,
            "services": ["db", "web"],
            "env": {"PORT": "8080"},
            "interval": "attrsOf",
            "same": True,
        },
    )
    expression(
        suite,
        "modules: what mkGuest refuses is refused",
        REFUSED,
        [True, False, False, False, False],
    )
    expression(
        suite,
        "modular services of nixpkgs become services and files",
        MODULAR,
        {
            "services": {
                "php": {"command": "/bin/php -m 'it'\\''s' /etc/mvm/config-data/php/a.conf",
                        "ready": "notify", "user": "root", "env": {"A": "1", "B": "2"}},
                "php-pool": {"command": "/bin/pool", "ready": None, "user": None, "env": {}},
            },
            "files": True,
            "protocols": [None, "notify", "notify", "notify", None, None, None],
            "signal": {"ready": None, "reloadSignal": "SIGHUP", "reloadCommand": None, "env": {}},
            "answered": {"ready": "notify", "reloadSignal": None,
                         "reloadCommand": "kill -HUP $MAINPID", "env": {}},
            "ours": {"ready": None, "reloadSignal": "USR1", "reloadCommand": None, "env": {}},
            "command": {"ready": None, "reloadSignal": None, "reloadCommand": "/bin/b $MAINPID",
                        "env": {}},
            "portable": True,
            "refused": [False] * 9,
            "clash": False,
            "failed": False,
            "empty": False,
        },
    )
    expression(
        suite,
        "guests can be extended, with changes or a function, and again",
        """
        let
          guest = mvm.lib.mkGuest {
            name = "a"; packages = [ pkgs.curl ]; services.a = { command = "/bin/a"; env.A = "1"; };
          };
          more = guest.extend { services.a.env.B = true; };
          again = more.extend (old: { packages = old.packages ++ [ pkgs.python3 ]; });
        in
        {
          env = again.config.services.a.env;
          packages = builtins.length again.config.packages;
          before = guest.config.services.a.env;
        }
        """,
        {"env": {"A": "1", "B": "true"}, "packages": 2, "before": {"A": "1"}},
    )
    expression(
        suite,
        "modules: the evaluation comes with the image, and can be extended",
        """
        let
          guest = mvm.lib.evalGuest [ { name = "a"; services.a.command = [ "/bin/a" "b c" ]; } ];
          port = { services.a.env.PORT = 8080; };
        in
        {
          options = guest.options ? services;
          extended = (guest.extendModules { modules = [ port ]; }).config.services.a.env;
          image = (guest.extend port).config.services.a.env;
          command = guest.config.services.a.command;
        }
        """,
        {
            "options": True,
            "extended": {"PORT": 8080},
            "image": {"PORT": "8080"},
            "command": "/bin/a 'b c'",
        },
    )
    expression(
        suite,
        "a kernel of nixpkgs: vmlinux may be in its dev output",
        """
        (mvm.lib.mkGuest {
          name = "a";
          kernel = pkgs.curl // { dev = pkgs.python3; };
        }).kernelDev == "${pkgs.python3}"
        """,
        True,
    )
    expression(
        suite,
        "mkGuest's error names the option",
        '(builtins.tryEval (mvm.lib.mkGuest { name = "a"; services.a.comand = "b"; })).success',
        False,
    )
    expression(
        suite,
        "mkProfiles: each profile under both of its names, of options or an image",
        """
        builtins.mapAttrs (_: p: p.config.name) (mvm.lib.mkProfiles rec {
          default = mvm.lib.mkGuest { name = "a"; };
          small = { name = "b"; };
          large = default.extend { name = "c"; };
        })
        """,
        {"default": "a", "small": "b", "tenant-small": "b", "large": "c", "tenant-large": "c"},
    )
    expression(
        suite,
        "a guest can be extended by another kernel, which replaces the old one",
        """
        let
          dev = pkgs.curl // { dev = pkgs.python3; };
          guest = mvm.lib.mkGuest { name = "a"; kernel = dev; };
        in
        [ (guest.kernelDev == "${pkgs.python3}") (guest.extend { kernel = pkgs.curl; }).kernelDev ]
        """,
        [True, ""],
    )
    expression(
        suite,
        "the runner of a guest for another machine has the programs of this one",
        """
        let
          packages = name: pkgs // {
            pkgsStatic = pkgs.pkgsStatic // { callPackage = _: args: "${args.program} of ${name}"; };
            callPackage = file: args:
              if args ? probe then args.probe else pkgs.callPackage file args;
          };
          cross = import %s/nix {
            pkgs = packages "there" // { buildPackages = packages "here"; };
          };
        in
        [ cross.packages.run cross.packages.probe ]
        """ % tap.ROOT,
        ["mvm-probe of here", "mvm-probe of there"],
    )
    expression(
        suite,
        "evalGuest: a single module needs no list",
        '(mvm.lib.evalGuest { name = "a"; }).config.name',
        "a",
    )
    expression(
        suite,
        "helpers: a port that is none is refused wherever it is used",
        """
        map (port: (builtins.tryEval (mvm.lib.mkStaticSite {
          name = "x"; src = source; inherit port;
        }).service).success) [ 8080 "8080" 0 65536 ]
        """,
        [True, False, False, False],
    )
    expression(
        suite,
        "helpers: the port as /proc/net/tcp has it",
        """
        map (port: builtins.match "[^:]*:([0-9A-F]{4}) .*" (mvm.lib.mkStaticSite {
          name = "x"; src = source; inherit port;
        }).healthCheck.healthCmd) [ 1 80 3100 8080 65535 ]
        """,
        [["0001"], ["0050"], ["0C1C"], ["1F90"], ["FFFF"]],
    )
    expression(
        suite,
        "helpers: services run as a user of their own, which need not be defined",
        """
        (mvm.lib.mkGuest {
          name = "x";
          services.www = (mvm.lib.mkStaticSite { name = "docs"; src = source; }).service;
        }).config.users
        """,
        {"docs": {"uid": None, "group": None, "home": None}},
    )
    expression(
        suite,
        "helpers: their commands need no shell",
        """
        let commands = import %s/nix/lib/commands.nix; in
        map (s: (commands.describe s).why) (builtins.concatMap
          (h: [ h.service.command h.healthCheck.healthCmd ]) [
            (mvm.lib.mkStaticSite { name = "x"; src = source; })
            (mvm.lib.mkPythonService { name = "x"; src = source; entrypoint = "x"; port = 1; })
            (mvm.lib.mkNodeService { name = "x"; src = source; npmHash = ""; entrypoint = "x"; port = 1; })
          ])
        """ % tap.ROOT,
        [None] * 6,
    )
    suite.done()


if __name__ == "__main__":
    main()
