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

  # A consumer's flake, evaluated for this machine whatever system it names.
  documented =
    ((import ./documented/flake.nix).outputs {
      mvm.lib.aarch64-linux = mvm.lib // {
        inherit mkGuest;
      };
      nixpkgs = ./this-machine.nix;
    }).packages.aarch64-linux;

  site = mvm.lib.mkStaticSite {
    name = "docs";
    src = ../../nix/examples/static-site/site;
    port = 8081;
  };

  directory = pkgs.runCommand "directory" { } ''
    mkdir -p "$out/a"
    echo one >"$out/a/one"
    printf '#!/bin/sh\n' >"$out/run"
    chmod 0755 "$out/run"
    ln -s a/one "$out/link"
    ln -s ${pkgs.curl}/bin/curl "$out/curl"
  '';

  # What the other guests leave out.
  everything = {
    name = "everything";
    hostname = "every-1";
    serviceGroup = "app";
    memoryReserve = "16M";
    userNamespaces = true;
    sysctl."net.core.somaxconn" = 1234;
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
            sleep 10
          done
        '';
        after = [ "www" ];
        memoryMax = "64M";
        tasksMax = 16;
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
      # Says what it finds, on the console.
      report = {
        type = "oneshot";
        user = "second";
        umask = "027";
        limitNofile = 300;
        workingDirectory = "/srv";
        command = ''
          echo "id $(id)"
          echo "pwd $(pwd) umask $(umask) nofile $(ulimit -n)"
          echo "home $HOME $(stat -c '%U:%G %a' "$HOME")"
          echo "hello $(cat hello.txt)"
          echo "hosts $(grep -c every-1 /etc/hosts)"
          touch "$HOME/mine" && echo "home is writable"
          touch /etc/mine 2>/dev/null || echo "etc is not writable"
          cat /var/lib/owner/private 2>/dev/null || echo "private is private"
          env -i /usr/bin/env true && echo "env works"
          echo "sysctl $(cat /proc/sys/net/core/somaxconn) $(cat /proc/sys/user/max_user_namespaces)"
        '';
      };
    };
    healthChecks = {
      www = site.healthCheck;
      worker.healthCmd = "test -d /run/worker && true";
    };
    # As nixpkgs writes them.
    modularServices.greeting =
      { config, ... }:
      {
        _class = "service";
        process.argv = [
          "${pkgs.pkgsStatic.busybox}/bin/busybox"
          "cat"
          config.configData."greeting.txt".path
        ];
        configData."greeting.txt".text = "it's from configData\n";
        mvm.service.type = "oneshot";
        services.sleeper.process.argv = [
          "${pkgs.pkgsStatic.busybox}/bin/busybox"
          "sleep"
          "1000"
        ];
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
      "/srv/index.html" = ../../nix/examples/static-site/site/index.html;
      "/srv/run" = pkgs.writeScript "run" "#!/bin/sh\n";
      # A directory, with a further file.
      "/srv/site" = directory;
      "/srv/site/a/more".content = "more\n";
      "/etc/copy" = {
        source = ../../nix/examples/static-site/site/index.html;
        mode = "444";
      };
    };
  };

  # A service with every key that there is, and files with everything that they can carry.
  files = {
    name = "files";
    hostname = "files-1";
    serviceGroup = "app";
    nameservers = [
      "192.0.2.53"
      "2001:db8::53"
    ];
    memoryReserve = "24M";
    userNamespaces = true;
    accounting = true;
    sysctl = {
      "net.core.somaxconn" = 1024;
      "net.ipv4.conf.all/forwarding" = 1;
      "net.ipv4.tcp_rmem" = "4096 131072 6291456";
    };
    users.owner = {
      uid = 70;
      home = "/var/lib/owner";
    };
    users.other.group = "owner";
    services = {
      all = {
        command = "/bin/sh -c 'echo \"a  b\" | cat'";
        preStart = "mkdir -p /run/all && true";
        user = "other";
        supplementaryGroups = [
          "owner"
          "root"
        ];
        logFile = "/var/log/all.log";
        logMaxSize = "1M";
        logKeep = 2;
        workingDirectory = "/srv/with space";
        environmentFile = "-/mnt/secrets/all.env";
        type = "oneshot";
        restart = "on-failure";
        restartDelay = 0.25;
        restartDelayMax = "2min";
        stopTimeout = "1500ms";
        startTimeout = 90;
        startLimit = 5;
        startLimitInterval = "1h";
        startLimitAction = "exit";
        startLimitExitCode = 3;
        after = [
          "plain"
          "first"
        ];
        requires = [ "plain" ];
        ready = "healthy";
        unhealthyRestartAfter = 4;
        onInterval = "1h";
        onBootDelay = 30;
        stopSignal = "INT";
        watchdog = 20;
        memoryMax = "256M";
        memoryHigh = 100000;
        memorySwapMax = "infinity";
        cpuMax = "150%";
        cpuWeight = 200;
        tasksMax = 64;
        noNewPrivs = false;
        seccomp = "unrestricted";
        privateTmp = true;
        readOnlyPaths = [
          "/etc"
          "-/srv/absent"
        ];
        capabilities = [
          "net_bind_service"
          "CAP_CHOWN"
        ];
        nice = -5;
        oomScoreAdj = 500;
        umask = "0027";
        limitNofile = "1024:4096";
        limitNproc = 100;
        limitCore = 0;
        limitFsize = 1073741824;
        limitMemlock = "infinity";
        limitStack = "8388608:infinity";
        limitAs = "infinity:infinity";
        limitData = 1;
        limitCpu = 3600;
        limitSigpending = 2;
        limitMsgqueue = 3;
        limitNice = 20;
        limitRtprio = 0;
        env = {
          EMPTY = "";
          QUOTES = "it's \"quoted\"";
          COMMENT = "a ; b # c";
          EQUALS = "a=b=c";
          BRACKET = "[env]";
          BACKSLASH = "a\\nb";
          UTF8 = "café";
          PATH = "/custom";
        };
      };
      plain.command = "/bin/sh";
      plain.reloadSignal = "HUP";
      first.command = "/mnt/data/first";
      first.reloadCommand = "kill -HUP $MAINPID";
    };
    healthChecks.all = {
      healthCmd = "test \"$X\" = 'a\nb'\necho second line";
      healthIntervalSecs = 1;
      healthTimeoutSecs = 2;
      startupGraceSecs = 3;
      checkpointCmd = "save it";
      restoreCmd = "load it";
      critical = true;
    };
    healthChecks.plain.healthCmd = "true";
    probes.load = {
      command = "cat /proc/loadavg";
      description = "load";
      intervalSecs = 7;
      timeoutSecs = 4;
      outputFormat = "json";
      user = "owner";
    };
  };

  squashfs = {
    rootfsType = "squashfs";
  };
in
rec {
  inherit (mvm) packages;

  inherit documented;

  ext4 = mkGuest web;
  squash = mkGuest (web // squashfs);
  everything-ext4 = mkGuest everything;
  everything-squash = mkGuest (everything // squashfs);

  # Only its files are looked at.
  etc = (mkGuest files).etc;

  # The files that a kernel is configured with.
  kernel-configuration = pkgs.runCommand "kernel-configuration" { } ''
    cp -R ${
      (pkgs.callPackage ../../nix/packages/kernel.nix { } {
        features = [ "tun" ];
        profile = "lean";
      }).configuration
    } "$out"
  '';

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
    directory.services.web.command = "${pkgs.curl}";
    literal-path.services.web.command = "/nix/store/00000000000000000000000000000000-curl/bin/curl";
    no-path.services.web.command = "/usr/bin/curl";
    no-file.services.web.command = "${pkgs.curl}/bin/no-curl";
    interpreter.services.web.command = pkgs.writeScript "start" "#!/usr/bin/python3\n";
    not-executable.services.web.command = pkgs.writeText "start" "#!/bin/sh\n";
    no-bundle.cacert = pkgs.curl;
    no-kernel.kernel = pkgs.curl;
    directory-mode.extraFiles."/srv/site" = {
      source = directory;
      mode = "0755";
    };
  };
}
