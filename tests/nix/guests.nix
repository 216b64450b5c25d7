# SPDX-License-Identifier: MIT
#
# The guests that the suites build, with the programs of this checkout and, as kernel, a file (the
# tests' kernel, or anything where it is not booted).
{
  kernel ? ./guests.nix,
}:
let
  pkgs = import ./stub-nixpkgs { };
  mvm = import ../../nix { inherit pkgs; };

  kernelPackage = pkgs.runCommand "kernel" { file = kernel; } ''install -D -m 0444 "$file" "$out/vmlinux"'';

  mkGuest = args: mvm.lib.mkGuest ({ kernel = kernelPackage; } // args);

  web = {
    name = "web";
    packages = [ pkgs.curl ];
    services.web.command = "${pkgs.python3}/bin/python3 -m http.server 8080";
    healthChecks.web = {
      healthCmd = "${pkgs.curl}/bin/curl -sf http://localhost:8080/";
      healthIntervalSecs = 5;
    };
  };

  site = mvm.lib.mkStaticSite {
    name = "docs";
    src = ../../nix/examples/static-site/site;
    port = 8081;
  };

  # What the other guests leave out.
  everything = {
    name = "everything";
    hostname = "every-1";
    serviceGroup = "app";
    packages = [ site.package ];
    freeSpaceMiB = 16;
    users.owner = {
      uid = 70;
      home = "/var/lib/owner";
    };
    users.second.group = "owner";
    services = {
      www = site.service;
      worker = {
        preStart = ''
          mkdir -p /run/worker
          chown owner:owner /run/worker
        '';
        command = ''
          while true; do
            echo "it's $NAME"   # a comment with a quote: it's fine
            sleep 1
          done
        '';
        env.NAME = "the \"worker\" ; # and 'co'";
        user = "owner";
      };
      script = {
        command = pkgs.writeScript "script" "#!/bin/sh\nexec sleep 1000\n";
        restart = "on-failure";
        stopTimeout = 0.5;
        limitNofile = 256;
        umask = "027";
        nice = 5;
        workingDirectory = "/srv";
      };
      once = {
        type = "oneshot";
        command = "true";
        user = "root";
      };
    };
    healthChecks = {
      www = site.healthCheck;
      worker.healthCmd = "test -d /run/worker && true";
    };
    probes.memory = {
      command = "grep MemFree /proc/meminfo";
      intervalSecs = 5;
    };
    extraFiles = {
      "/srv/hello.txt".content = "hello\n";
      "/var/lib/owner/private" = {
        content = "secret\n";
        mode = "0600";
      };
      "/etc/copy" = {
        source = ../../nix/examples/static-site/site/index.html;
        mode = "444";
      };
    };
  };

  squashfs = {
    rootfsType = "squashfs";
  };
in
rec {
  inherit (mvm) packages;

  ext4 = mkGuest web;
  squash = mkGuest (web // squashfs);
  everything-ext4 = mkGuest everything;
  everything-squash = mkGuest (everything // squashfs);

  # Composed of modules, and the same as without.
  modules = mvm.lib.evalGuest [
    { inherit (web) name packages; }
    { inherit (web) services; }
    (
      { config, ... }:
      {
        inherit (web) healthChecks;
        kernel = kernelPackage;
        hostname = config.name;
      }
    )
  ];

  # What cannot work in the guest is an error of the build.
  broken = builtins.mapAttrs (_: change: mkGuest ({ ociImage = false; } // web // change)) {
    no-program = {
      shell = "never";
      services.web.command = "no-such-program --fast";
    };
    no-applet.services.web.command = "no-such-program --fast";
    directory.services.web.command = pkgs.curl;
    literal-path.services.web.command = "/nix/store/00000000000000000000000000000000-curl/bin/curl";
    no-file.services.web.command = "${pkgs.curl}/bin/no-curl";
    interpreter.services.web.command = pkgs.writeScript "start" "#!/usr/bin/python3\n";
    not-executable.services.web.command = pkgs.writeText "start" "#!/bin/sh\n";
    no-bundle.cacert = pkgs.curl;
    no-kernel.kernel = pkgs.curl;
  };
}
