# SPDX-License-Identifier: MIT
#
# Tests of the pure functions: a list of { name; got; want; }. Evaluated by test_functions.py, and
# by nix/checks.nix on a real nixpkgs.
let
  lib = ../../nix/lib;
  text = import (lib + "/text.nix");
  words = import (lib + "/words.nix");
  accounts = import (lib + "/accounts.nix");
  commands = import (lib + "/commands.nix");
  files = import (lib + "/files.nix");
  types = import (lib + "/types.nix");
  inherit (import (lib + "/check.nix")) check;

  test = name: got: want: { inherit name got want; };

  # A package, for functions that only look at it.
  package = name: {
    type = "derivation";
    inherit name;
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
    outputSpecified = false;
  };
  # With a main program.
  program =
    name:
    package name
    // {
      meta.mainProgram = name;
    };
  mistakes = import ./mistakes.nix {
    pkgs = {
      curl = program "curl";
      python3 = program "python3";
      linux_6_1 = package "linux";
    };
  };
  python = "/nix/store/00000000000000000000000000000000-python3/bin/python3";
  script = "/nix/store/00000000000000000000000000000000-start";

  # A guest that passes all checks, changed.
  guest = changes: { name = "web"; } // changes;
  errors = changes: (check (guest changes)).errors;
  config =
    changes:
    let
      checked = check (guest changes);
    in
    if checked.errors == [ ] then checked.config else throw (toString checked.errors);
  service = changes: { services.web = { command = python; } // changes; };

  rejected = name: changes: want: test "rejected: ${name}" (errors changes) want;
  # A row [ name { option = value; } message ]: `make` puts the value into a guest, at `path`.
  refused =
    path: make: row:
    let
      value = builtins.elemAt row 1;
      option = builtins.head (builtins.attrNames value);
    in
    rejected (builtins.head row) (make value) [ "${path}.${option}: ${builtins.elemAt row 2}" ];
  accepted = name: changes: test "accepted: ${name}" (errors changes) [ ];

  vectors = builtins.fromJSON (builtins.readFile ../vectors/command-lines.json);

  long = n: builtins.concatStringsSep "" (builtins.genList (_: "x") n);

  # The files of a guest, path -> text.
  filesOf =
    changes:
    builtins.listToAttrs (
      map
        (f: {
          name = f.path;
          value = f.text;
        })
        (
          files.files {
            config = config changes;
            agent = "/nix/store/agent/bin/mvm-guest-agent";
            path = "/nix/store/curl/bin:/bin";
            script = name: content: "/nix/store/script-${name}<${content}>";
          }
        )
    );
  ini = changes: (filesOf (service changes))."/etc/mvm/services.d/web.ini";
  json = path: changes: builtins.fromJSON (filesOf changes).${path};

  ids =
    users:
    accounts.assign {
      serviceGroup = "mvm";
      users = builtins.mapAttrs (
        _: u:
        {
          uid = null;
          group = null;
          home = null;
        }
        // u
      ) users;
    };
  both = uid: gid: { inherit uid gid; };
  idsOf = users: builtins.mapAttrs (n: _: { inherit ((ids users).users.${n}) uid gid; }) users;
in
# --- text -----------------------------------------------------------------------------------------
[
  (test "trim" (text.trim "  \n a b\t\n") "a b")
  (test "trim of white space" (text.trim " \n ") "")
  (test "trim of nothing" (text.trim "") "")
  (test "distance of equal words" (text.distance "command" "command") 0)
  (test "distance: a letter left out" (text.distance "comand" "command") 1)
  (test "distance: two letters exchanged" (text.distance "preStrat" "preStart") 2)
  (test "distance to nothing" (text.distance "abc" "") 3)
  (test "closest" (text.closest "comand" [
    "preStart"
    "command"
  ]) "command")
  (test "closest: case does not count" (text.closest "logfile" [ "logFile" ]) "logFile")
  (test "closest: letters in another order" (text.closest "wbe" [
    "db"
    "web"
  ]) "web")
  (test "closest: nothing is near" (text.closest "zzz" [ "command" ]) null)
  (test "sets are merged, packages replaced"
    (text.mergeSets
      {
        a.b = 1;
        kernel = package "old" // {
          dev = package "old-dev";
        };
        list = [ 1 ];
      }
      {
        a.c = 2;
        kernel = package "new";
        list = [ 2 ];
      }
    )
    {
      a = {
        b = 1;
        c = 2;
      };
      kernel = package "new";
      list = [ 2 ];
    }
  )
  (test "alternatives" (text.alternatives [
    "a"
    "b"
    "c"
  ]) "a, b or c")
  (test "show: a package" (text.show (package "curl")) "the package curl")
  (test "show: a long text is cut" (builtins.stringLength (
    text.show (builtins.concatStringsSep "" (builtins.genList (_: "x") 500))
  )) 120)
]
# --- words ----------------------------------------------------------------------------------------
++ map (
  v:
  test "command line: ${builtins.toJSON v.text}" (builtins.removeAttrs (words.classify v.text) [
    "reason"
  ]) (builtins.removeAttrs v [ "text" ])
) vectors
++ map (
  w: test "command line: only a shell knows ${w}" (words.classify "${w} x").kind "shell"
) words.shellWords
++ [
  (test "command line: a long one" (words.classify (
    builtins.concatStringsSep " " (builtins.genList (i: "word-${toString i}") 4000)
  )).kind "exec")
  (test "command line: an open quote has a reason" (words.classify "a 'b").reason
    "a single quote is not closed"
  )
]
# --- accounts -------------------------------------------------------------------------------------
++ [
  (test "uids: from 1000, in the order of names"
    (idsOf { b = { }; a = { }; })
    { a = both 1000 1000; b = both 1001 1001; }
  )
  (test "uids: an explicit one is never given twice"
    (idsOf { a.uid = 1001; b = { }; c = { }; })
    { a = both 1001 1001; b = both 1002 1002; c = both 1003 1003; }
  )
  (test "uids: the place among all users decides where it is free"
    (idsOf { a.uid = 50; b = { }; }).b.uid
    1001
  )
  (test "gids: users share a group that they name"
    (idsOf { a.group = "b"; b = { }; })
    { a = both 1000 1001; b = both 1001 1001; }
  )
  (test "gids: a group of another name has the id of its first user"
    (ids {
      a.group = "app";
      b.group = "app";
    }).groups.app.gid
    1000
  )
  (test "gids: a group does not take the id of another user's own group"
    (ids {
      a.group = "z";
      b.uid = 1000;
      z.uid = 70;
      y.group = "app";
    }).groups
    {
      root = { gid = 0; members = [ ]; };
      mvm = {
        gid = 900;
        members = [
          "a"
          "b"
          "y"
          "z"
        ];
      };
      mvm-agent = { gid = 901; members = [ ]; };
      nogroup = { gid = 65534; members = [ ]; };
      app = { gid = 1002; members = [ ]; };
      b = { gid = 1000; members = [ ]; };
      z = { gid = 70; members = [ ]; };
    }
  )
  (test "gids: nor on the way to a free one"
    (
      let
        groups =
          (ids {
            a.group = "app";
            b = { };
            c.group = "a";
          }).groups;
      in
      builtins.mapAttrs (_: g: g.gid) {
        inherit (groups) a app b;
      }
    )
    {
      a = 1000;
      app = 1002;
      b = 1001;
    }
  )
  (test "gids: the service group can be a primary group"
    (idsOf { a.group = "mvm"; })
    { a = both 1000 900; }
  )
  (test "/etc/passwd and /etc/group"
    (
      let
        f = filesOf {
          users.app = {
            uid = 70;
            home = "/var/lib/app";
          };
          services.web = {
            command = "cd /srv && run";
            user = "app";
          };
        };
      in
      f."/etc/passwd" + f."/etc/group"
    )
    ''
      root:x:0:0:root:/root:/bin/sh
      app:x:70:70:app:/var/lib/app:/bin/sh
      mvm:x:900:900:mvm:/home/mvm:/bin/sh
      mvm-agent:x:901:901:mvm-agent:/:/sbin/nologin
      nobody:x:65534:65534:nobody:/:/sbin/nologin
      root:x:0:
      app:x:70:
      mvm:x:900:app
      mvm-agent:x:901:
      nogroup:x:65534:
    ''
  )
  (test "/etc/passwd of an image without a shell"
    (builtins.match ".*/bin/sh.*" (filesOf (service { }))."/etc/passwd")
    null
  )
  (test "homes: parents first, each with its owner"
    (files.homes (config {
      users.a.home = "/srv/app/b";
      users.b = {
        uid = 70;
        home = "/srv/app";
      };
    }))
    [
      {
        path = "/home/mvm";
        uid = 900;
        gid = 900;
      }
      {
        path = "/srv/app";
        uid = 70;
        gid = 70;
      }
      {
        path = "/srv/app/b";
        uid = 1000;
        gid = 1000;
      }
    ]
  )
  (test "homes: one that users share is there once, and belongs to the first"
    (map (h: "${h.path} ${toString h.uid}") (files.homes (config {
      users.a.home = "/srv/app";
      users.b.home = "/srv/app";
    })))
    [
      "/home/mvm 900"
      "/srv/app 1000"
    ]
  )
  (test "homes: system directories and mount points are left alone"
    (map (h: h.path) (
      files.homes (config {
        users = {
          a.home = "/";
          b.home = "/var/lib";
          c.home = "/mnt/data/c";
          d.home = "/run/d";
          e.home = "/etc";
        };
      })
    ))
    [ "/home/mvm" ]
  )
]
# --- checks: what is accepted ---------------------------------------------------------------------
++ [
  (accepted "a name alone" { })
  (accepted "the documented parameters" {
    packages = [ (package "curl") ];
    hostname = "web-1";
    serviceGroup = "app";
    users.www = {
      uid = 1000;
      group = "www";
      home = "/home/www";
    };
    services.web = {
      command = "${python} -m http.server 8080";
      preStart = "mkdir -p /tmp/data";
      env.PORT = "8080";
      user = "www";
      logFile = "/var/log/web.log";
    };
    healthChecks.web = {
      healthCmd = "curl -sf http://localhost:8080/";
      healthIntervalSecs = 5;
      healthTimeoutSecs = 3;
      startupGraceSecs = 60;
      checkpointCmd = "sync";
      restoreCmd = "true";
      critical = true;
    };
    probes.disk = {
      command = "df /";
      description = "free space";
      intervalSecs = 60;
      timeoutSecs = 5;
      outputFormat = "exit_code";
    };
    rootfsType = "squashfs";
    cacert = null;
  })
  (accepted "null counts as not given" {
    hostname = null;
    services.web = {
      command = python;
      user = null;
      preStart = null;
      logFile = null;
    };
  })
  (accepted "packages and paths as commands" {
    services.web = {
      command = program "start";
      preStart = ./unit.nix;
    };
  })
  (accepted "root, written out" (service { user = "root"; }))
  (accepted "the service group's user, written out" (service { user = "mvm"; }))
  (accepted "a user that the service defines" (service {
    user = "web";
    createUser = true;
  }))
  (accepted "spans, sizes and limits" (service {
    stopTimeout = 5;
    restartDelay = 0.5;
    restartDelayMax = "5min";
    limitNofile = 1024;
    limitCore = "infinity";
    limitNproc = "10:20";
    nice = -5;
    umask = "027";
  }))
  (accepted "order, readiness, schedules and cgroups"
    {
      services = {
        db = {
          command = python;
          ready = "healthy";
          unhealthyRestartAfter = 3;
          memoryMax = "1G";
          memoryHigh = 1000000;
          memorySwapMax = "infinity";
          cpuMax = "150%";
          cpuWeight = 200;
          tasksMax = 64;
        };
        web = {
          command = python;
          after = [ "db" ];
          requires = [ "db" ];
          startLimit = 5;
          startLimitAction = "exit";
          startLimitExitCode = 3;
        };
        backup = {
          command = python;
          type = "oneshot";
          onInterval = "1h";
          onBootDelay = 30;
        };
        sweep = {
          command = python;
          restart = "never";
          onInterval = 60;
        };
      };
      healthChecks.db.healthCmd = python;
    }
  )
  (accepted "values with ; and # and quotes" (service {
    env = {
      A = "x ; y # z";
      B = "it's";
      C = "";
      D = "=";
    };
  }))
]
# --- checks: what is refused ----------------------------------------------------------------------
++ [
  (test "rejected: no arguments" (check { }).errors [ "name: required, and not given" ])
  (test "rejected: no set" (check "x").errors [
    "the argument: expected an attribute set, got \"x\""
  ])
  (rejected "an unknown argument" { serivces = { }; } [
    "serivces: no such option; did you mean services?"
  ])
  (rejected "an unknown argument that resembles none" { xyzzy = 1; } [
    "xyzzy: no such option; nix/OPTIONS.md and mvm-mkguest(5) have all 24"
  ])
  (rejected "a key of another part" (service { healthCmd = "x"; }) [
    "services.web.healthCmd: no such option; health checks are beside the services: healthChecks.<name>"
  ])
  (rejected "a misspelt key of a check"
    (
      service { }
      // {
        healthChecks.web = {
          healthCmd = "x";
          healthInterval = 5;
        };
      }
    )
    [
      "healthChecks.web.healthInterval: no such option; healthChecks.web has healthCmd, healthIntervalSecs, healthTimeoutSecs, startupGraceSecs, checkpointCmd, restoreCmd, critical, user"
    ]
  )
  (rejected "a service without a command" { services.web = { }; } [
    "services.web.command: required, and not given"
  ])
  (rejected "a command that is null" { services.web.command = null; } [
    "services.web.command: expected a command line, a list of its words, or a package or path to run, got null"
  ])
  (rejected "a command that is a number" { services.web.command = 8080; } [
    "services.web.command: expected a command line, a list of its words, or a package or path to run, got 8080"
  ])
  (rejected "an empty command" { services.web.command = " \n"; } [
    "services.web.command: the command is empty"
  ])
  (rejected "an open quote" { services.web.command = "echo 'a"; } [
    "services.web.command: a single quote is not closed"
  ])
  (rejected "a service that is text" { services.web = python; } [
    "services.web: expected an attribute set, got ${builtins.toJSON python}; write { command = ...; }"
  ])
  (rejected "services as a list" { services = [ ]; } [
    "services: expected an attribute set, each value a set of options, got an empty list; give each a name: { NAME = ...; }"
  ])
  (rejected "a package as services" { services = package "curl"; } [
    "services: expected an attribute set, each value a set of options, got the package curl"
  ])
  (rejected "packages that are no list" { packages = package "curl"; } [
    "packages: expected a list, each element a package or a store path, got the package curl; write it in brackets: [ ... ]"
  ])
  (rejected "a package that is a number" {
    packages = [
      (package "curl")
      1
    ];
  } [ "packages[1]: expected a package or a store path, got 1" ])
  (rejected "a relative path to be read-only" (service { readOnlyPaths = [ "/etc" "srv" ]; }) [
    "services.web.readOnlyPaths[1]: expected an absolute path without white space, or one behind '-', got \"srv\""
  ])
  (rejected "a path to be read-only with a space" (service { readOnlyPaths = [ "/a b" ]; }) [
    "services.web.readOnlyPaths[0]: expected an absolute path without white space, or one behind '-', got \"/a b\""
  ])
  (rejected "tiers that what else is set excludes" (service { seccomp = "essential"; noNewPrivs = false; ready = "notify"; }) [
    "services.web.seccomp: only unrestricted goes with noNewPrivs = false"
    "services.web.seccomp: essential refuses the socket that ready = \"notify\" needs"
  ])
  (accepted "the console as a log file" (service { logFile = "/proc/self/fd/2"; }))
  (rejected "an environment value of two lines" (service { env.A = "a\nb"; }) [
    "services.web.env.A: the value must be one line, got \"a\\nb\""
  ])
  (rejected "an environment value with a space at its end" (service { env.A = "a "; }) [
    "services.web.env.A: the value must not begin or end with white space, got \"a \""
  ])
  (rejected "a name that no variable can have" (service { env."A B" = "x"; }) [
    "services.web.env.\"A B\": the name of an environment variable must be letters, digits, '_', '.' and '-', starting with a letter or '_', got \"A B\""
  ])
  (rejected "a name that no file can have" { services."a/b".command = python; } [
    "services.\"a/b\": the name of a service must be 1 to 63 letters, digits, '_', '-' and '.', not starting with '-' or '.', got \"a/b\""
  ])
  (rejected "a name of a guest with a space" { name = "my app"; } [
    "name: expected 1 to 63 letters, digits, '+', '.', '_' and '-', starting with a letter or digit, got \"my app\""
  ])
  (rejected "a name that is no host name" { name = "web_"; } [
    "name: web_ cannot be a host name; give hostname as well"
  ])
  (rejected "a host name that ends in a dash" { hostname = "web-"; } [
    "hostname: expected 1 to 64 letters, digits, '-' and '.', got \"web-\""
  ])
  (rejected "several errors at once" { services.web = { restart = 1; nice = 99; }; } [
    "services.web.command: required, and not given"
    "services.web.restart: expected \"always\", \"on-failure\" or \"never\", got 1"
    "services.web.nice: expected an integer from -20 to 19, got 99"
  ])
  (rejected "an order that names no service" (service { after = [ "wbe" "db" ]; requires = [ "web" ]; }) [
    "services.web.after: no service \"wbe\"; did you mean web?"
    "services.web.after: no service \"db\"; services: web"
    "services.web.requires: a service cannot wait for itself"
  ])
  (rejected "services that wait for each other"
    {
      services = {
        a = {
          command = python;
          after = [ "b" ];
        };
        b = {
          command = python;
          requires = [ "c" ];
        };
        c = {
          command = python;
          after = [ "a" ];
        };
        d = {
          command = python;
          after = [ "a" ];
        };
      };
    }
    [ "services: a, b, c wait for each other (after, requires)" ]
  )
  (rejected "readiness and restarts by a check that there is not"
    (service {
      ready = "healthy";
      unhealthyRestartAfter = 3;
    })
    [
      "services.web.ready: healthy needs a health check; define healthChecks.web"
      "services.web.unhealthyRestartAfter: needs a health check; define healthChecks.web"
    ]
  )
  (rejected "rotation without a file" (service { logMaxSize = "1M"; logKeep = 2; }) [
    "services.web.logMaxSize: there is no logFile to rotate"
    "services.web.logKeep: there is no logFile to rotate"
  ])
  (rejected "two ways to reload" (service { reloadSignal = "HUP"; reloadCommand = "true"; }) [
    "services.web.reloadCommand: there is reloadSignal, too; only one of them can be"
  ])
  (rejected "a oneshot that is to reload" (service { type = "oneshot"; reloadSignal = "HUP"; }) [
    "services.web.reloadSignal: a oneshot has nothing to reload"
  ])
  (rejected "an action without a limit" (service { startLimitAction = "reboot"; startLimitExitCode = 3; }) [
    "services.web.startLimitExitCode: only for startLimitAction = \"exit\""
    "services.web.startLimitAction: there is no startLimit"
  ])
  (rejected "a limit that is no size" (service { memoryMax = "1 GB"; cpuMax = 1; tasksMax = 0; }) [
    "services.web.memoryMax: expected a size: bytes, or text such as \"64K\", \"512M\", \"2G\", or \"infinity\", got \"1 GB\"; write \"1G\""
    "services.web.cpuMax: expected a percentage of one CPU such as \"150%\", got 1"
    "services.web.tasksMax: expected an integer from 1 to 2147483647, got 0"
  ])
  (rejected "a user that is misspelt" (service { user = "wwww"; } // { users.www = { }; }) [
    "services.web.user: no user \"wwww\"; did you mean www?; define it: users.wwww = { };"
  ])
  (rejected "a check as root"
    (
      service { }
      // {
        healthChecks.web = {
          healthCmd = python;
          user = "root";
        };
      }
    )
    [ "healthChecks.web.user: checks and probes never run as root" ]
  )
  (rejected "a probe as an undefined user"
    {
      probes.p = {
        command = python;
        user = "x";
      };
    }
    [ "probes.p.user: no user \"x\"; there are no users; define it: users.x = { };" ]
  )
  (rejected "a check without a service" (service { } // { healthChecks.wbe.healthCmd = python; }) [
    "healthChecks.wbe: no service \"wbe\"; did you mean web?; a check of something else is a probe"
  ])
  (rejected "a uid twice"
    {
      users = {
        a.uid = 1000;
        b.uid = 1000;
      };
    }
    [ "users.a.uid: 1000 is also the uid of b" ]
  )
  (rejected "a user of the image's own" { users.root = { }; } [
    "users.root: the image has a user of this name already"
  ])
  (rejected "the service group's user in another group" { users.mvm.group = "web"; } [
    "users.mvm.group: mvm is the service group's own user, so its group is mvm, not web; leave the group out, or choose another serviceGroup"
  ])
  (rejected "a service group that exists" { serviceGroup = "root"; } [
    "serviceGroup: root is a name of the image's own; choose another"
  ])
  (rejected "a supplementary group that does not exist"
    (service { supplementaryGroups = [ "media" ]; })
    [ "services.web.supplementaryGroups: no group \"media\"; groups: mvm, mvm-agent, nogroup, root" ]
  )
  (rejected "a shell that is needed and refused"
    {
      shell = "never";
      services.web = {
        command = "cd /srv && run";
        preStart = "a\nb";
      };
      services.www.command = "/bin/sh -c a";
    }
    [
      "services.web.command: uses shell syntax, and shell = \"never\""
      "services.web.preStart: has several lines, and shell = \"never\""
      "services.www.command: runs /bin/sh, and shell = \"never\""
    ]
  )
  (rejected "a file with and without content"
    {
      extraFiles = {
        "/etc/a" = { };
        "/etc/b" = {
          content = "x";
          source = ./unit.nix;
        };
      };
    }
    [
      "extraFiles.\"/etc/a\": give one of content and source"
      "extraFiles.\"/etc/b\": give one of content and source"
    ]
  )
  (rejected "a file above the root" { extraFiles."/etc/../init".content = ""; } [
    "extraFiles.\"/etc/../init\": the path must not have empty, . or .. components"
  ])
  (rejected "a file under a mount" { extraFiles."/run/x".content = ""; } [
    "extraFiles.\"/run/x\": the guest mounts something over this place, or it is the store"
  ])
  (rejected "a file under a mount that a link leads to" { extraFiles."/var/run/x".content = ""; } [
    "extraFiles.\"/var/run/x\": the guest mounts something over this place, or it is the store"
  ])
  (rejected "services with the names of init's own"
    {
      services.mvm-guest-agent.command = python;
      services.log-collector.command = python;
    }
    [
      "services.log-collector: the guest has a service of this name already"
      "services.mvm-guest-agent: the guest has a service of this name already"
    ]
  )
  (rejected "a delay above a given one"
    (service {
      restartDelay = 2;
      restartDelayMax = "1999ms";
    })
    [ "services.web.restartDelay: it is above restartDelayMax" ]
  )
  (rejected "times that are too long"
    (service {
      stopTimeout = 86401;
      startTimeout = "24.001h";
      restartDelay = 86400.5;
      startLimitInterval = "366d";
      onBootDelay = "99999999999999999999h";
    })
    [
      "services.web.restartDelay: at most 24 h, got 86400.5"
      "services.web.startTimeout: at most 24 h, got \"24.001h\""
      "services.web.stopTimeout: at most 24 h, got 86401"
      "services.web.startLimitInterval: at most 8760 h, got \"366d\""
      "services.web.onBootDelay: at most 8760 h, got \"99999999999999999999h\""
    ]
  )
  (rejected "sizes and limits beyond all bounds"
    (service {
      memoryMax = "8388608T";
      memoryHigh = "9223372036854775808";
      cpuMax = "100001%";
      limitNofile = "2048:1024";
      limitCore = "infinity:1";
    })
    [
      "services.web.memoryMax: expected a size: bytes, or text such as \"64K\", \"512M\", \"2G\", or \"infinity\", got \"8388608T\""
      "services.web.memoryHigh: expected a size: bytes, or text such as \"64K\", \"512M\", \"2G\", or \"infinity\", got \"9223372036854775808\""
      "services.web.cpuMax: expected a percentage of one CPU such as \"150%\", got \"100001%\""
      "services.web.limitNofile: the soft limit is above the hard one, got \"2048:1024\""
      "services.web.limitCore: the soft limit is above the hard one, got \"infinity:1\""
    ]
  )
  (rejected "a capability that there is not" (service { capabilities = [ "net_bind" ]; }) [
    "services.web.capabilities[0]: expected a capability such as \"net_bind_service\", got \"net_bind\""
  ])
  (rejected "name servers that are no addresses" { nameservers = [ "1.2.3" "1.2.3.256" "a" ]; } [
    "nameservers[0]: expected an IP address, got \"1.2.3\""
    "nameservers[1]: expected an IP address, got \"1.2.3.256\""
    "nameservers[2]: expected an IP address, got \"a\""
  ])
  (rejected "white space that isspace(3) knows"
    (service { env.A = builtins.fromJSON ''"x\u000c"''; })
    [ "services.web.env.A: the value must not begin or end with white space, got ${builtins.toJSON (builtins.fromJSON ''"x\u000c"'')}" ]
  )
  (rejected "homes that are not one path"
    {
      users = {
        a.home = "/srv/a/";
        b.home = "/srv/../b";
        c.home = "/srv//c";
        d.home = "/srv/\"d\"";
      };
    }
    (
      map (n: "users.${n}.home: the path must not have \", \\ or empty, . or .. components") [
        "a"
        "b"
        "c"
        "d"
      ]
    )
  )
  (accepted "homes with dots" {
    users.a.home = "/srv/.a/b..c/...";
    users.b.home = "/";
  })
  (rejected "lines that the guest does not read to their end"
    (service {
      command = "${python} ${long 65534}";
      env.A = long 65534;
    })
    [
      "services.web.command: longer than 65534 bytes; make it a script (writeScript)"
      "services.web.env.A: longer than 65534 bytes; put it into an environmentFile"
    ]
  )
  (rejected "files that the guest does not read to their end"
    (
      service {
        env = builtins.listToAttrs (
          builtins.genList (i: {
            name = "A${toString i}";
            value = long 60000;
          }) 5
        );
      }
      // {
        healthChecks.web.healthCmd = "${python}\n${long 65536}";
        probes.p.command = "${python}\n${long 65536}";
      }
    )
    [
      "services.web: its file would have 300121 bytes, and the guest reads 262143 at most"
      "healthChecks.web: its file would have 65683 bytes, and the guest reads 65536 at most"
      "probes.p: its file would have 65688 bytes, and the guest reads 65536 at most"
    ]
  )
  (rejected "more probes than the guest reads"
    {
      probes = builtins.listToAttrs (
        builtins.genList (i: {
          name = "p${toString i}";
          value.command = python;
        }) 257
      );
    }
    [ "probes: there are 257, and the guest reads 256 at most" ]
  )
  (rejected "a file that mkGuest writes" { extraFiles."/etc/passwd".content = ""; } [
    "extraFiles.\"/etc/passwd\": mkGuest writes this file"
  ])
]
# --- checks: one refused value of a service, or of a user: [ name value message ] -------------------
++ map (refused "services.web" service) [
  [ "a misspelt key of a service" { comand = "x"; } "no such option; did you mean command?" ]
  [ "another choice" { restart = "sometimes"; } "expected \"always\", \"on-failure\" or \"never\", got \"sometimes\"" ]
  [ "a number as text" { nice = "5"; } "expected an integer from -20 to 19, got \"5\"; write it without quotes" ]
  [ "a number out of range" { nice = 20; } "expected an integer from -20 to 19, got 20" ]
  [ "another tier" { seccomp = "strict"; } "expected \"essential\", \"minimal\", \"standard\", \"network\" or \"unrestricted\", got \"strict\"" ]
  [ "a Boolean as text" { noNewPrivs = "false"; } "expected true or false, got \"false\"; write it without quotes" ]
  [ "a span with a space" { stopTimeout = "5 s"; } "expected a time span: seconds, or text such as \"500ms\", \"10s\", \"2min\", \"1h\", got \"5 s\"; write \"5s\"" ]
  [ "a negative span" { stopTimeout = -1; } "expected a time span: seconds, or text such as \"500ms\", \"10s\", \"2min\", \"1h\", got -1" ]
  [ "a file that may be absent, relative" { environmentFile = "-web.env"; } "expected an absolute path, or one behind '-', got \"-web.env\"" ]
  [ "a path that is not absolute" { logFile = "web.log"; } "expected an absolute path, got \"web.log\"" ]
  [ "a directory as a log file" { logFile = "/var/log/"; } "this is a directory, and output goes to a file, got \"/var/log/\"" ]
  [ "a log file that the guest cannot open" { logFile = "/proc/2/fd/1"; } "only /dev/stdout, /dev/stderr, /dev/console, /dev/null and their names in /proc can be written to there, got \"/proc/2/fd/1\"" ]
  [ "a log file on a read-only drive" { logFile = "/mnt/config/log"; } "nothing can be written there: it is read-only in the guest, got \"/mnt/config/log\"" ]
  [ "a path that ends in white space" { logFile = "/var/log/x "; } "expected an absolute path, got \"/var/log/x \"" ]
  [ "a limit of three" { limitNofile = "1:2:3"; } "expected an integer, 0 or more, or \"infinity\", or text \"SOFT:HARD\", got \"1:2:3\"" ]
  [ "an interval for what never ends" { onInterval = "1h"; } "a service that runs at an interval has to end; set type = \"oneshot\", or restart = \"never\"" ]
  [ "a user that is not defined" { user = "www"; } "no user \"www\"; there are no users; define it: users.www = { };" ]
  [ "a delay above the largest" { restartDelay = "1min"; } "it is above restartDelayMax, which is 30 s where it is not given" ]
  [ "a largest delay below the first" { restartDelayMax = "99ms"; } "it is below restartDelay, which is 100 ms where it is not given" ]
  [ "a log file with a name that is too long" { logFile = "/${long 255}"; } "the path has more than 255 bytes" ]
]
++ map (refused "users.a" (user: { users.a = user; })) [
  [ "a misspelt key of a user" { hme = "/"; } "no such option; did you mean home?" ]
  [ "the service group's uid" { uid = 900; } "900 belongs to the service group's user" ]
  [ "the agent's uid" { uid = 901; } "901 belongs to the agent's user" ]
  [ "root's uid" { uid = 0; } "expected an integer from 1 to 65533, got 0" ]
  [ "a group of the image's own" { group = "root"; } "root is a group of the image's own; choose another" ]
  [ "a home with a colon" { home = "/a:b"; } "expected an absolute path without ':', got \"/a:b\"" ]
]
# --- which guests have a shell --------------------------------------------------------------------
++ map
  (
    v:
    test "shell: ${v.name}" {
      shell = commands.hasShell (config v.guest);
      because = map (c: "${c.at} ${c.why}") (commands.needShell (config v.guest));
    } v.want
  )
  [
    { name = "a guest without services"; guest = { }; want = { shell = false; because = [ ]; }; }
    {
      name = "programs with their paths";
      guest = service { preStart = "${python} -c 'import os; os.mkdir(\"/x\")'"; } // {
        healthChecks.web.healthCmd = "${python} -m x";
      };
      want = { shell = false; because = [ ]; };
    }
    {
      name = "shell syntax";
      guest = service { } // {
        healthChecks.web.healthCmd = "a || b";
      };
      want = { shell = true; because = [ "healthChecks.web.healthCmd uses shell syntax" ]; };
    }
    { name = "several lines"; guest = service { preStart = "mkdir /x\nmkdir /y\n"; }; want = { shell = true; because = [ "services.web.preStart has several lines" ]; }; }
    { name = "a program without a path"; guest = service { preStart = "mkdir -p /tmp/data"; }; want = { shell = true; because = [ "services.web.preStart names its program without a path" ]; }; }
    {
      name = "a script of the store, as a package and as text";
      guest = {
        services.web = {
          command = package "start" // {
            text = "#!/bin/sh\n";
          };
          preStart = "${script} --fast";
        };
      };
      want = {
        shell = true;
        because = [
          "services.web.command is a script"
          "services.web.preStart is a script"
        ];
      };
    }
    {
      name = "the shell itself";
      guest = {
        services.web = {
          command = "/bin/sh -c 'exec true'";
          preStart = "/usr/bin/env A=b true";
        };
      };
      want = {
        shell = true;
        because = [
          "services.web.command runs /bin/sh"
          "services.web.preStart runs /usr/bin/env"
        ];
      };
    }
    {
      name = "a command in a probe";
      guest.probes.disk.command = "df | tail -1";
      want = { shell = true; because = [ "probes.disk.command uses shell syntax" ]; };
    }
    {
      name = "always";
      guest.shell = "always";
      want = { shell = true; because = [ ]; };
    }
    { name = "never, although a program has no path"; guest = service { preStart = "mkdir x"; } // { shell = "never"; }; want = { shell = false; because = [ "services.web.preStart names its program without a path" ]; }; }
  ]
# --- files ----------------------------------------------------------------------------------------
++ [
  (test "programs that the image builder looks for"
    (map (p: "${p.at} ${p.program}") (
      commands.programs (config {
        services = {
          a = {
            command = "${python} -m x";
            preStart = "mkdir x";
          };
          b = {
            command = "/bin/b";
            preStart = "a; b";
          };
          c = {
            command = "/mnt/data/c";
            preStart = "a\nb";
          };
        };
        probes.d.command = "/usr/local/bin/d";
      })
    ))
    [
      "services.a.command ${python}"
      "services.a.preStart mkdir"
      "services.b.command /bin/b"
      "probes.d.command /usr/local/bin/d"
    ]
  )
  (test "files: which there are"
    (builtins.attrNames (
      filesOf (
        service { }
        // {
          healthChecks.web.healthCmd = python;
          probes.disk.command = "df";
        }
      )
    ))
    [
      "/etc/group"
      "/etc/hostname"
      "/etc/hosts"
      "/etc/mvm/init.ini"
      "/etc/mvm/integrations.d/web.json"
      "/etc/mvm/probes.d/disk.json"
      "/etc/mvm/services.d/web.ini"
      "/etc/nsswitch.conf"
      "/etc/passwd"
      "/etc/protocols"
      "/etc/services"
    ]
  )
  (test "files: names of protocols and services, a line each"
    (
      let
        f = filesOf { };
        good =
          pattern: path:
          builtins.all (line: line == "" || builtins.match pattern line != null) (text.lines f.${path});
      in
      [
        (good "[a-z0-9-]+ [0-9]+ [A-Za-z0-9-]+" "/etc/protocols")
        (good "[a-z0-9-]+ [0-9]+/(tcp|udp)" "/etc/services")
        (builtins.elem "tcp 6 TCP" (text.lines f."/etc/protocols"))
        (builtins.elem "https 443/tcp" (text.lines f."/etc/services"))
      ]
    )
    [
      true
      true
      true
      true
    ]
  )
  (test "dev: the agent's file says it, and is not there otherwise"
    [
      (json "/etc/mvm/agent.json" { dev = true; })
      ((filesOf { }) ? "/etc/mvm/agent.json")
    ]
    [
      { dev = true; }
      false
    ]
  )
  (rejected "the agent's file twice"
    {
      dev = true;
      extraFiles."/etc/mvm/agent.json".content = "{}";
    }
    [
      "extraFiles.\"/etc/mvm/agent.json\": dev = true writes this file; put \"dev\": true into it and leave the option out"
    ]
  )
  (test "files: init.ini"
    (filesOf {
      hostname = "web-1";
      serviceGroup = "app";
      nameservers = [
        "192.0.2.53"
        "2001:db8::53"
      ];
    })."/etc/mvm/init.ini"
    ''
      [guest]
      hostname = web-1
      service_group = app
      agent = /nix/store/agent/bin/mvm-guest-agent
      nameservers = 192.0.2.53 2001:db8::53

      [env]
      PATH = /nix/store/curl/bin:/bin
    ''
  )
  (test "files: init.ini with the kernel's settings and the reserve"
    (filesOf {
      memoryReserve = "24M";
      userNamespaces = true;
      accounting = false;
      sysctl = {
        "net.core.somaxconn" = 1024;
        "net.ipv4.conf.all/forwarding" = -1;
        "net.ipv4.tcp_rmem" = "4096 131072 6291456";
      };
    })."/etc/mvm/init.ini"
    ''
      [guest]
      hostname = web
      service_group = mvm
      agent = /nix/store/agent/bin/mvm-guest-agent
      memory_reserve = 24M
      user_namespaces = yes
      accounting = no

      [sysctl]
      net.core.somaxconn = 1024
      net.ipv4.conf.all/forwarding = -1
      net.ipv4.tcp_rmem = 4096 131072 6291456

      [env]
      PATH = /nix/store/curl/bin:/bin
    ''
  )
  (test "files: the host name is the name, as a host may be called"
    (filesOf { name = "my_app+1"; })."/etc/hostname"
    "my-app-1\n"
  )
  (test "files: hosts" (filesOf { })."/etc/hosts" ''
    127.0.0.1 localhost
    ::1 localhost
    127.0.1.1 web
  '')
  (test "service file: only a command" (ini { }) ''
    [service]
    command = ${python}
  '')
  (test "service file: the values of every type"
    (ini {
      command = " ${python} -m http.server 8080\n";
      seccomp = "unrestricted";
      privateTmp = true;
      readOnlyPaths = [
        "/etc"
        "-/srv/site"
      ];
      preStart = "mkdir -p /tmp/data";
      user = "root";
      logFile = "/var/log/web.log";
      restart = "on-failure";
      stopTimeout = 5;
      restartDelay = 0.5;
      restartDelayMax = "2min";
      noNewPrivs = false;
      nice = -5;
      umask = "027";
      limitNofile = 65536;
      limitCore = "infinity";
      capabilities = [
        "net_bind_service"
        "sys_nice"
      ];
      supplementaryGroups = [ ];
      env = {
        PORT = "8080";
        A = "x ; y # z";
        EMPTY = "";
      };
    })
    ''
      [service]
      command = ${python} -m http.server 8080
      pre_start = mkdir -p /tmp/data
      user = root
      log_file = /var/log/web.log
      restart = on-failure
      restart_delay = 500ms
      restart_delay_max = 2min
      stop_timeout = 5
      umask = 027
      nice = -5
      limit_nofile = 65536
      limit_core = infinity
      capabilities = net_bind_service sys_nice
      no_new_privs = false
      seccomp = unrestricted
      private_tmp = true
      read_only_paths = /etc -/srv/site

      [env]
      A = x ; y # z
      EMPTY =
      PORT = 8080
    ''
  )
  (test "service file: several lines become a script"
    (ini {
      command = "  set -e\n  run\n";
      preStart = "a\nb";
    })
    ''
      [service]
      command = /nix/store/script-web<#!/bin/sh
      set -e
        run
      >
      pre_start = /nix/store/script-web-pre-start<#!/bin/sh
      a
      b
      >
    ''
  )
  (test "service file: a package as a command" (ini { command = program "start"; }) ''
    [service]
    command = /nix/store/00000000000000000000000000000000-start/bin/start
  '')
  (test "health check: defaults"
    (json "/etc/mvm/integrations.d/web.json" (
      service { }
      // {
        healthChecks.web.healthCmd = "a\nb\n";
      }
    ))
    {
      name = "web";
      health_cmd = "a\nb";
      health_interval_secs = 30;
      health_timeout_secs = 10;
    }
  )
  (test "health check: everything"
    (json "/etc/mvm/integrations.d/web.json" (
      service { }
      // {
        users.www = { };
        healthChecks.web = {
          healthCmd = "a";
          healthIntervalSecs = 5;
          healthTimeoutSecs = 3;
          startupGraceSecs = 60;
          checkpointCmd = program "save";
          restoreCmd = "c";
          critical = true;
          user = "www";
        };
      }
    ))
    {
      name = "web";
      health_cmd = "a";
      health_interval_secs = 5;
      health_timeout_secs = 3;
      startup_grace_secs = 60;
      checkpoint_cmd = "/nix/store/00000000000000000000000000000000-save/bin/save";
      restore_cmd = "c";
      critical = true;
      user = "www";
    }
  )
  (test "health check: runs as the service's user"
    (json "/etc/mvm/integrations.d/web.json" (
      service {
        user = "www";
        createUser = true;
      }
      // {
        healthChecks.web.healthCmd = "a";
      }
    )).user
    "www"
  )
  (test "health check: never as root"
    (
      json "/etc/mvm/integrations.d/web.json" (
        service { user = "root"; }
        // {
          healthChecks.web.healthCmd = "a";
        }
      )
      ? user
    )
    false
  )
  (test "probe"
    (json "/etc/mvm/probes.d/disk.json" {
      probes.disk = {
        command = "df";
        description = "two\nlines";
        outputFormat = "json";
      };
    })
    {
      name = "disk";
      cmd = "df";
      description = "two\nlines";
      interval_secs = 30;
      timeout_secs = 10;
      output_format = "json";
    }
  )
  (test "types: a path of options quotes what is no identifier" (types.join "a.b" "c/d") "a.b.\"c/d\"")
  # What a value becomes.
  (test "environment: numbers, booleans and paths become text"
    (config (service {
      env = {
        A = 8080;
        B = true;
        C = false;
        D = 1.5;
        E = "x";
      };
    })).services.web.env
    {
      A = "8080";
      B = "true";
      C = "false";
      D = "1.5";
      E = "x";
    }
  )
  (test "command: a package is its main program"
    (config (service { command = program "curl"; })).services.web.command
    "/nix/store/00000000000000000000000000000000-curl/bin/curl"
  )
  (test "command: a package of several outputs has its programs in bin"
    (config (service {
      command = program "curl" // {
        bin = "/nix/store/00000000000000000000000000000000-curl-bin";
      };
    })).services.web.command
    "/nix/store/00000000000000000000000000000000-curl-bin/bin/curl"
  )
  (test "command: a list of words"
    (config (service {
      command = [
        (program "python3")
        "-m"
        "it's"
        8080
        ""
        "a b"
        "$HOME"
        (package "data")
      ];
    })).services.web.command
    "/nix/store/00000000000000000000000000000000-python3/bin/python3 -m 'it'\\''s' 8080 '' 'a b' '$HOME' /nix/store/00000000000000000000000000000000-data"
  )
  (test "command: a list for every command of a guest"
    (
      let
        c = config (
          service { preStart = [ "/bin/p" ]; }
          // {
            healthChecks.web = {
              healthCmd = [
                "/bin/h"
                1
              ];
              checkpointCmd = [ "/bin/c" ];
              restoreCmd = [ "/bin/r" ];
            };
            probes.x.command = [
              "/bin/x"
              "a b"
            ];
          }
        );
      in
      [
        c.services.web.preStart
        c.healthChecks.web.healthCmd
        c.healthChecks.web.checkpointCmd
        c.healthChecks.web.restoreCmd
        c.probes.x.command
      ]
    )
    [
      "/bin/p"
      "/bin/h 1"
      "/bin/c"
      "/bin/r"
      "/bin/x 'a b'"
    ]
  )
  (accepted "a path with a space in quotes" (service { command = "'/opt/my app/run.sh'"; }))
  (accepted "a path with a space in a list" (service { command = [ "/opt/my app/run.sh" ]; }))
  (accepted "a program and a path as a list" (service {
    command = [
      "/opt/my"
      "app/run.sh"
    ];
  }))
  (accepted "a program of extraFiles and a path" (
    service { command = "/opt/my app/run.sh"; } // { extraFiles."/opt/my".content = ""; }
  ))
  (accepted "a program of the data drive and a path" (service {
    command = "/mnt/data/run conf/run.toml";
  }))
  (test "users: the service group's user may have a uid and a home"
    (
      let
        a = accounts.assign {
          serviceGroup = "app";
          users = {
            app = {
              uid = 1000;
              group = "app";
              home = "/srv/app";
            };
            b = {
              uid = null;
              group = null;
              home = null;
            };
          };
        };
      in
      {
        inherit (a.users) app b;
        group = a.groups.app;
      }
    )
    {
      app = {
        uid = 1000;
        gid = 900;
        group = "app";
        home = "/srv/app";
      };
      b = {
        uid = 1001;
        gid = 1001;
        group = "b";
        home = "/home/b";
      };
      group = {
        gid = 900;
        members = [ "b" ];
      };
    }
  )
  (test "extra files: a path alone is a source"
    (config { extraFiles."/etc/unit.nix" = "/nix/store/x"; }).extraFiles."/etc/unit.nix"
    {
      content = null;
      source = "/nix/store/x";
      mode = null;
    }
  )
]
# --- What a list of words becomes is split into the same words --------------------------------------
++
  map
    (
      argv:
      test "command line: join ${builtins.toJSON argv}" (words.classify (words.join argv)) {
        kind = "exec";
        inherit argv;
      }
    )
    (
      map (v: v.argv) (builtins.filter (v: v.kind == "exec") vectors)
      ++ [
        [
          "cd"
          "/"
        ]
        [ "A=b" ]
        [
          "a b"
          ""
          "'"
          "\""
          "\\"
          "a\\'b"
          "~"
          "#"
          "é"
        ]
      ]
    )
# --- Mistakes -------------------------------------------------------------------------------------
++ builtins.attrValues (
  builtins.mapAttrs (name: m: test "mistake ${name}" (check m.guest).errors m.errors) mistakes
)
