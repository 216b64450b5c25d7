# SPDX-License-Identifier: MIT
#
# Every option of mkGuest, once. The checks (check.nix), the files in the guest (files.nix), the
# NixOS-style module (../module.nix) and the reference (../OPTIONS.md, reference.nix) all read this
# table, and nothing else says what an option is called, takes or does.
#
# An option is { name; type; description; }, and one of
#
#   required = true;     must be given
#   default = VALUE;     what it is when not given
#   (neither)            not given means that nothing is written: `defaultText` says what holds
#
# and, where a file in the guest carries it, `ini` or `json`: the key there. `example` is Nix text.
let
  t = import ./types.nix;
  otherNames = import ./other-names.nix;
  inherit (import ./text.nix) characters integer;

  # A name that is also a file's name in the guest. C: SERVICE_NAME in supervisor/.
  fileName = t.name "[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}" "1 to 63 letters, digits, '_', '-' and '.', not starting with '-' or '.'";
  accountName = t.name "[A-Za-z_][A-Za-z0-9_-]{0,31}" "1 to 32 letters, digits, '_' and '-', starting with a letter or '_'";
  variableName = t.name "[A-Za-z_][A-Za-z0-9_.-]*" "letters, digits, '_', '.' and '-', starting with a letter or '_'";

  # capabilities(7), and what stands for all and none of them. C: base/capability.c.
  capability =
    let
      lower = characters "abcdefghijklmnopqrstuvwxyz";
      upper = characters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
      names = builtins.concatStringsSep "|" [
        "chown|dac_override|dac_read_search|fowner|fsetid|kill|setgid|setuid|setpcap"
        "linux_immutable|net_bind_service|net_broadcast|net_admin|net_raw|ipc_lock|ipc_owner"
        "sys_module|sys_rawio|sys_chroot|sys_ptrace|sys_pacct|sys_admin|sys_boot|sys_nice"
        "sys_resource|sys_time|sys_tty_config|mknod|lease|audit_write|audit_control|setfcap"
        "mac_override|mac_admin|syslog|wake_alarm|block_suspend|audit_read|perfmon|bpf"
        "checkpoint_restore"
      ];
    in
    t.name "(cap_|CAP_)?(${names}|${builtins.replaceStrings lower upper names})|all|none" "a capability such as \"net_bind_service\"";

  # IPv4 in full; of IPv6 its characters.
  address =
    let
      byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    in
    t.name "(${byte}[.]){3}${byte}|[0-9a-fA-F]*:[0-9a-fA-F.:]*" "an IP address";

  limit =
    let
      form = t.either (t.either (t.int 0 null) (t.enum [ "infinity" ])) (
        t.name "([0-9]{1,18}|infinity):([0-9]{1,18}|infinity)" "text \"SOFT:HARD\""
      );
      above =
        value:
        let
          parts = builtins.match "([0-9]+|infinity):([0-9]+)" value;
          soft = builtins.head parts;
        in
        builtins.isString value
        && parts != null
        && (soft == "infinity" || integer soft > integer (builtins.elemAt parts 1));
    in
    t.within form above "the soft limit is above the hard one";
  # What the guest can append to. C: supervisor/log_file.c.
  logPath =
    let
      console = "/dev/(stdout|stderr|console|null|fd/[12])|/proc/(1|self|thread-self)/fd/[12]";
      matches = pattern: value: builtins.isString value && builtins.match pattern value != null;
      file = t.within t.absolutePath (matches ".*/[.]{0,2}") "this is a directory, and output goes to a file";
      real = t.within file (
        value: matches "/(dev|proc|sys)/.*" value && !matches console value
      ) "only /dev/stdout, /dev/stderr, /dev/console, /dev/null and their names in /proc can be written to there";
    in
    t.within real (matches "/(nix/store|mnt/config|mnt/secrets)/.*") "nothing can be written there: it is read-only in the guest";
  memory = t.either t.size (t.enum [ "infinity" ]);

  rlimit = resource: description: example: {
    name =
      "limit"
      + builtins.replaceStrings (characters "abcdefghijklmnopqrstuvwxyz") (
        characters "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
      ) (builtins.substring 0 1 resource)
      + builtins.substring 1 (-1) resource;
    type = limit;
    ini = "limit_${resource}";
    defaultText = if resource == "nofile" then "1024:524288" else "the kernel's";
    inherit description example;
  };

  rlimits = [
    (rlimit "nofile" "Open files." "65536")
    (rlimit "nproc" "Processes of the service's user." "256")
    (rlimit "core" "Bytes of a core dump." "0")
    (rlimit "fsize" "Bytes of a file that the service writes." "1073741824")
    (rlimit "memlock" "Bytes of memory that may be locked." ''"infinity"'')
    (rlimit "stack" "Bytes of stack." "8388608")
    (rlimit "as" "Bytes of address space." "1073741824")
    (rlimit "data" "Bytes of data." "1073741824")
    (rlimit "cpu" "Seconds of CPU time." "3600")
    (rlimit "sigpending" "Signals that may be queued." "1024")
    (rlimit "msgqueue" "Bytes in POSIX message queues." "819200")
    (rlimit "nice" "Ceiling of the nice value, as 20 minus it." "20")
    (rlimit "rtprio" "Ceiling of the real-time priority." "0")
  ];

  user = [
    {
      name = "uid";
      type = t.int 1 65533;
      defaultText = "the next free one from 1000, users in the order of their names";
      description = "User id. Set it for a user that owns files on the data drive, so that adding another user never changes it.";
      example = "1000";
    }
    {
      name = "group";
      type = accountName;
      defaultText = "a group of the user's own name";
      description = "Primary group. Users that name the same group share it.";
      example = ''"app"'';
    }
    {
      name = "home";
      type = t.name "/[^:\n\r]*" "an absolute path without ':'";
      defaultText = "/home/<name>";
      description = "Home directory. The image has it, owned by the user.";
      example = ''"/var/lib/app"'';
    }
  ];

  service = [
    {
      name = "command";
      type = t.command;
      required = true;
      ini = "command";
      description = "The command. A text of one line is executed directly, or by a shell if it uses shell syntax. A text of several lines becomes a script. A list has the program and its arguments, one word each, and needs no quotes. A package stands for its main program (meta.mainProgram), or for itself if it is a script.";
      example = ''"''${pkgs.python3}/bin/python3 -m http.server 8080"'';
    }
    {
      name = "preStart";
      type = t.command;
      ini = "pre_start";
      defaultText = "none";
      description = "Runs as root before every start of the command; when it fails, the start has failed. Killed after 60 s.";
      example = ''"mkdir -p /run/web"'';
    }
    {
      name = "env";
      type = t.attrsOf "an environment variable" variableName t.text';
      default = { };
      description = "Environment variables. A number or boolean becomes text (true becomes \"true\"), a path is copied into the store. /mnt/config/mvm-env.env overrides them at run time.";
      example = ''{ PORT = "8080"; }'';
    }
    {
      name = "user";
      type = accountName;
      ini = "user";
      defaultText = "the service group's user";
      description = "User of the command: one of `users`, or root, which must be given explicitly.";
      example = ''"app"'';
    }
    {
      name = "createUser";
      type = t.bool;
      default = false;
      description = "Define `user` with default settings when `users` does not define it. The service helpers set this.";
      example = "true";
    }
    {
      name = "logFile";
      type = logPath;
      ini = "log_file";
      defaultText = "the console, each line tagged with the service's name";
      description = "File that the output is appended to.";
      example = ''"/var/log/web.log"'';
    }
    {
      name = "logMaxSize";
      type = t.size;
      ini = "log_max_size";
      defaultText = "no rotation";
      description = "Size at which `logFile` is rotated.";
      example = ''"10M"'';
    }
    {
      name = "logKeep";
      type = t.int 0 100;
      ini = "log_keep";
      defaultText = "3";
      description = "How many rotated log files are kept.";
      example = "3";
    }
    {
      name = "type";
      type = t.enum [
        "simple"
        "oneshot"
        "forking"
      ];
      ini = "type";
      defaultText = "simple";
      description = "simple: the command is the service. oneshot: it does its work and ends, and counts as running once it has succeeded. forking: it starts a daemon and ends, and the daemon's processes are the service.";
      example = ''"oneshot"'';
    }
    {
      name = "restart";
      type = t.enum [
        "always"
        "on-failure"
        "never"
      ];
      ini = "restart";
      defaultText = "always";
      description = "When the command is started again after it has ended. A oneshot that has succeeded is not.";
      example = ''"on-failure"'';
    }
    {
      name = "restartDelay";
      type = t.span 24;
      ini = "restart_delay";
      defaultText = "100 ms";
      description = "Delay before the first automatic restart; it doubles with each further one.";
      example = ''"1s"'';
    }
    {
      name = "restartDelayMax";
      type = t.span 24;
      ini = "restart_delay_max";
      defaultText = "30 s";
      description = "Largest delay that the doubling of `restartDelay` reaches.";
      example = ''"5min"'';
    }
    {
      name = "startTimeout";
      type = t.span 24;
      ini = "start_timeout";
      defaultText = "30 s";
      description = "A oneshot that has not ended by then is stopped, and has failed. 0 is no limit.";
      example = ''"2min"'';
    }
    {
      name = "stopTimeout";
      type = t.span 24;
      ini = "stop_timeout";
      defaultText = "1 s";
      description = "How long the service has after TERM before it is killed.";
      example = "5";
    }
    {
      name = "stopSignal";
      type = t.name "(SIG)?(TERM|INT|QUIT|HUP|USR1|USR2|ABRT|KILL|WINCH|PWR)" "a signal such as \"INT\"";
      ini = "stop_signal";
      defaultText = "TERM";
      description = "Signal that asks the command to end. PostgreSQL wants INT, nginx QUIT.";
      example = ''"INT"'';
    }
    {
      name = "reloadSignal";
      type = t.name "(SIG)?(TERM|INT|QUIT|HUP|USR1|USR2|ABRT|KILL|WINCH|PWR)" "a signal such as \"HUP\"";
      ini = "reload_signal";
      defaultText = "none";
      description = "Signal that has the service read its configuration again on `mvm-probe reload TARGET SERVICE`. With `ready = \"notify\"` the service answers RELOADING=1 and then READY=1.";
      example = ''"HUP"'';
    }
    {
      name = "reloadCommand";
      type = t.command;
      ini = "reload_command";
      defaultText = "none";
      description = "A command line that does so in place of `reloadSignal`; `$MAINPID` is the main process.";
      example = ''"''${pkgs.nginx}/bin/nginx -s reload"'';
    }
    {
      name = "watchdog";
      type = t.span 24;
      ini = "watchdog";
      defaultText = "none";
      description = "A service that is up and does not send WATCHDOG=1 (sd_notify) within this time is aborted, and has failed.";
      example = ''"30s"'';
    }
    {
      name = "startLimit";
      type = t.int 0 16;
      ini = "start_limit";
      defaultText = "no limit";
      description = "Number of automatic restarts allowed within `startLimitInterval`; one more fails the service for good. 0 means no limit.";
      example = "5";
    }
    {
      name = "startLimitInterval";
      type = t.span 8760;
      ini = "start_limit_interval";
      defaultText = "10 s";
      description = "The window of `startLimit`.";
      example = ''"1min"'';
    }
    {
      name = "startLimitAction";
      type = t.enum [
        "none"
        "reboot"
        "exit"
      ];
      ini = "start_limit_action";
      defaultText = "none";
      description = "Action when `startLimit` is reached: the service stays failed; the guest restarts; or the guest restarts after the console line \"guest exit code N\".";
      example = ''"reboot"'';
    }
    {
      name = "startLimitExitCode";
      type = t.int 0 255;
      ini = "start_limit_exit_code";
      defaultText = "1";
      description = "The N of `startLimitAction = \"exit\"`.";
      example = "3";
    }
    {
      name = "after";
      type = t.listOf fileName;
      ini = "after";
      defaultText = "none";
      description = "Services that must be up, or have failed once, before this one starts. At shutdown this one stops first.";
      example = ''[ "db" ]'';
    }
    {
      name = "requires";
      type = t.listOf fileName;
      ini = "requires";
      defaultText = "none";
      description = "Services that must be up before this one starts. When one of them has failed for good, this one fails, too.";
      example = ''[ "db" ]'';
    }
    {
      name = "ready";
      type = t.enum [
        "started"
        "notify"
        "healthy"
      ];
      ini = "ready";
      defaultText = "started";
      description = "When the service counts as up: its program runs, it has sent READY=1 to $NOTIFY_SOCKET, or its health check has passed once.";
      example = ''"healthy"'';
    }
    {
      name = "unhealthyRestartAfter";
      type = t.int 0 1000000;
      ini = "unhealthy_restart_after";
      defaultText = "0, never";
      description = "After how many failed health checks in a row the service is restarted.";
      example = "3";
    }
    {
      name = "onInterval";
      type = t.span 8760;
      ini = "on_interval";
      defaultText = "none";
      description = "Start the service again and again at this interval, never two at once. The first time is after `onBootDelay`, or one interval after boot.";
      example = ''"1h"'';
    }
    {
      name = "onBootDelay";
      type = t.span 8760;
      ini = "on_boot_delay";
      defaultText = "none";
      description = "Start the service this long after boot instead of at boot.";
      example = ''"30s"'';
    }
    {
      name = "workingDirectory";
      type = t.absolutePath;
      ini = "working_directory";
      defaultText = "/";
      description = "Directory that the command starts in.";
      example = ''"/srv"'';
    }
    {
      name = "environmentFile";
      type = t.name "-?/[^\n\r]*[^ \t\n\r]" "an absolute path, or one behind '-'";
      ini = "environment_file";
      defaultText = "none";
      description = "File of NAME=value lines in the guest; it must exist, unless '-' stands in front of it, and is read at boot and when a snapshot is restored. `env` overrides it, and mvm-env.env both.";
      example = ''"/mnt/secrets/web.env"'';
    }
    {
      name = "supplementaryGroups";
      type = t.listOf accountName;
      ini = "supplementary_groups";
      defaultText = "the groups that list the user";
      description = "Further groups of the process.";
      example = ''[ "media" ]'';
    }
    {
      name = "umask";
      type = t.name "0?[0-7]{3}" "three octal digits as a string";
      ini = "umask";
      defaultText = "022";
      description = "File mode creation mask.";
      example = ''"027"'';
    }
    {
      name = "nice";
      type = t.int (-20) 19;
      ini = "nice";
      defaultText = "0";
      description = "Scheduling priority; lower runs first.";
      example = "10";
    }
    {
      name = "oomScoreAdj";
      type = t.int (-1000) 1000;
      ini = "oom_score_adj";
      defaultText = "0";
      description = "How readily the kernel kills the service when memory runs out.";
      example = "500";
    }
    {
      name = "memoryMax";
      type = memory;
      ini = "memory_max";
      defaultText = "no limit";
      description = "Memory at which the service is killed.";
      example = ''"256M"'';
    }
    {
      name = "memoryHigh";
      type = memory;
      ini = "memory_high";
      defaultText = "no limit";
      description = "Memory above which the service is slowed down and its memory reclaimed.";
      example = ''"200M"'';
    }
    {
      name = "memorySwapMax";
      type = memory;
      ini = "memory_swap_max";
      defaultText = "no limit";
      description = "Swap that the service may use.";
      example = "0";
    }
    {
      name = "cpuMax";
      type = t.name "[1-9][0-9]{0,4}%|100000%" "a percentage of one CPU such as \"150%\"";
      ini = "cpu_max";
      defaultText = "no limit";
      description = "CPU time that the service may use.";
      example = ''"50%"'';
    }
    {
      name = "cpuWeight";
      type = t.int 1 10000;
      ini = "cpu_weight";
      defaultText = "100";
      description = "Share of the CPU among services that compete for it.";
      example = "200";
    }
    {
      name = "tasksMax";
      type = t.int 1 2147483647;
      ini = "tasks_max";
      defaultText = "no limit";
      description = "Processes and threads that the service may have.";
      example = "64";
    }
  ]
  ++ rlimits
  ++ [
    {
      name = "capabilities";
      type = t.listOf capability;
      ini = "capabilities";
      defaultText = "none; all for root";
      description = "Capabilities that the command has although it does not run as root.";
      example = ''[ "net_bind_service" ]'';
    }
    {
      name = "noNewPrivs";
      type = t.bool;
      ini = "no_new_privs";
      defaultText = "true";
      description = "Set-user-id programs and file capabilities give the service nothing.";
      example = "false";
    }
    {
      name = "seccomp";
      type = t.enum [
        "essential"
        "minimal"
        "standard"
        "network"
        "unrestricted"
      ];
      ini = "seccomp";
      defaultText = "unrestricted";
      description = "Which system calls the command may make; what is refused fails with EPERM. network refuses what rules the guest as a whole (mount, reboot, modules, namespaces, bpf, ptrace, io_uring ...); standard also sockets that are not local; minimal also changes of identity, owners and priorities; essential also other processes and every socket. mvm-service(5) lists them.";
      example = ''"standard"'';
    }
    {
      name = "privateTmp";
      type = t.bool;
      ini = "private_tmp";
      defaultText = "false";
      description = "A /tmp and /var/tmp of the command's own, empty at each start. Neither `preStart` nor the health check sees them.";
      example = "true";
    }
    {
      name = "readOnlyPaths";
      type = t.listOf (t.name "-?/[^ \t\n\r]*" "an absolute path without white space, or one behind '-'");
      ini = "read_only_paths";
      defaultText = "none";
      description = "Paths that the command cannot write to, with all that is mounted below them. One that does not exist fails the start, unless it begins with '-'. They do not hold for `preStart`.";
      example = ''[ "/etc" "-/srv/site" ]'';
    }
  ];

  seconds = t.int 0 4294967295;
  period = t.int 1 4294967295;

  healthCheck = [
    {
      name = "healthCmd";
      type = t.command;
      required = true;
      json = "health_cmd";
      description = "Exit code 0 means healthy. Runs without a shell where it can, as `command` does, and never as root.";
      example = ''"''${pkgs.curl}/bin/curl -sf http://localhost:8080/"'';
    }
    {
      name = "healthIntervalSecs";
      type = period;
      default = 30;
      json = "health_interval_secs";
      description = "Seconds from one check to the next.";
      example = "5";
    }
    {
      name = "healthTimeoutSecs";
      type = period;
      default = 10;
      json = "health_timeout_secs";
      description = "Seconds after which a check is killed and counts as failed.";
      example = "3";
    }
    {
      name = "startupGraceSecs";
      type = seconds;
      json = "startup_grace_secs";
      defaultText = "0";
      description = "Seconds after the agent's start in which a failed check means \"starting\".";
      example = "60";
    }
    {
      name = "checkpointCmd";
      type = t.command;
      json = "checkpoint_cmd";
      defaultText = "none";
      description = "Runs before the guest is put to sleep.";
      example = ''"''${app}/bin/app --flush"'';
    }
    {
      name = "restoreCmd";
      type = t.command;
      json = "restore_cmd";
      defaultText = "none";
      description = "Runs after the guest has woken up.";
      example = ''"''${app}/bin/app --reconnect"'';
    }
    {
      name = "critical";
      type = t.bool;
      json = "critical";
      defaultText = "false";
      description = "The guest is not ready to sleep while `checkpointCmd` fails.";
      example = "true";
    }
    {
      name = "user";
      type = accountName;
      json = "user";
      defaultText = "the user of the service, or the service group's user where that is root";
      description = "User of the three commands; never root.";
      example = ''"app"'';
    }
  ];

  probe = [
    {
      name = "command";
      type = t.command;
      required = true;
      json = "cmd";
      description = "Exit code 0 means healthy.";
      example = ''"''${pkgs.coreutils}/bin/df --output=pcent /mnt/data"'';
    }
    {
      name = "description";
      type = t.string;
      json = "description";
      defaultText = "none";
      description = "What the probe measures, for people.";
      example = ''"free space on the data drive"'';
    }
    {
      name = "intervalSecs";
      type = period;
      default = 30;
      json = "interval_secs";
      description = "Seconds from run to run.";
      example = "60";
    }
    {
      name = "timeoutSecs";
      type = period;
      default = 10;
      json = "timeout_secs";
      description = "Seconds after which a run is killed and counts as failed.";
      example = "5";
    }
    {
      name = "outputFormat";
      type = t.enum [
        "exit_code"
        "json"
      ];
      default = "exit_code";
      json = "output_format";
      description = "json: the output of a successful run is JSON and is part of the report.";
      example = ''"json"'';
    }
    {
      name = "user";
      type = accountName;
      json = "user";
      defaultText = "the service group's user";
      description = "User of the command; never root.";
      example = ''"app"'';
    }
  ];

  extraFile = [
    {
      name = "content";
      type = t.string;
      defaultText = "none: give `content` or `source`";
      description = "Text of the file.";
      example = ''"listen 8080\n"'';
    }
    {
      name = "source";
      type = t.package;
      defaultText = "none: give `content` or `source`";
      description = "File to copy, or a directory with all that is in it.";
      example = "./app.conf";
    }
    {
      name = "mode";
      type = t.name "0?[0-7]{3}" "three octal digits as a string";
      defaultText = "0644; 0755 for a `source` that is executable";
      description = "Permissions of a file; those of a directory are 0755. It belongs to root.";
      example = ''"0755"'';
    }
  ];
in
rec {
  inherit
    fileName
    accountName
    user
    service
    healthCheck
    probe
    extraFile
    ;

  guest = [
    {
      name = "name";
      type = t.name "[A-Za-z0-9][A-Za-z0-9+._-]{0,62}" "1 to 63 letters, digits, '+', '.', '_' and '-', starting with a letter or digit";
      required = true;
      description = "Name of the guest; the package is called mvm-<name>.";
      example = ''"my-app"'';
    }
    {
      name = "packages";
      type = t.listOf t.package;
      default = [ ];
      description = "Packages in the image. Their bin directories are the PATH of services, health checks and probes.";
      example = "[ pkgs.curl ]";
    }
    {
      name = "hostname";
      type = t.name "[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?" "1 to 64 letters, digits, '-' and '.'";
      defaultText = "`name`, with '-' for '_' and '+'";
      description = "Host name of the guest.";
      example = ''"web-1"'';
    }
    {
      name = "serviceGroup";
      type = accountName;
      default = "mvm";
      description = "Group (gid 900) that may read /mnt/secrets, and user (uid 900) that runs what names no other user. Every user of `users` is a member. `users.<serviceGroup>` may give that user another uid or home.";
      example = ''"app"'';
    }
    {
      name = "users";
      type = t.attrsOf "a user" accountName (t.submodule user);
      default = { };
      description = "Further users.";
      example = "{ app = { uid = 1000; }; }";
    }
    {
      name = "services";
      type = t.attrsOf "a service" fileName (t.submoduleOf otherNames.service service);
      default = { };
      description = "The programs that the guest runs. Each becomes /etc/mvm/services.d/<name>.ini; mvm-service(5) has the details.";
    }
    {
      name = "modularServices";
      type = t.attrsOf "a service" fileName t.module;
      default = { };
      description = "Modular services of nixpkgs (process.argv, services, configData, ...) as services of this guest. A sub-service is called <name>-<sub-service>. The module's mvm.service, and `services.<name>`, add options of ours.";
      example = ''{ php = { imports = [ pkgs.php.services.default ]; }; }'';
    }
    {
      name = "healthChecks";
      type = t.attrsOf "a health check" fileName (t.submodule healthCheck);
      default = { };
      description = "Health checks of the services of the same names. Each becomes /etc/mvm/integrations.d/<name>.json.";
    }
    {
      name = "probes";
      type = t.attrsOf "a probe" fileName (t.submodule probe);
      default = { };
      description = "Measurements that belong to no service. Each becomes /etc/mvm/probes.d/<name>.json.";
    }
    {
      name = "rootfsType";
      type = t.enum [
        "ext4"
        "squashfs"
      ];
      default = "ext4";
      description = "File system of the image. squashfs is compressed with LZ4 and read-only: what the guest writes to /etc and /var stays in memory.";
      example = ''"squashfs"'';
    }
    {
      name = "dev";
      type = t.bool;
      default = false;
      description = "An image for development: where the host's config drive has no security policy, the agent allows Exec, the console, files and processes. The guest's /etc/mvm/agent.json says so.";
      example = "true";
    }
    {
      name = "freeSpaceMiB";
      type = t.int 0 1048576;
      default = 64;
      description = "Room to write in an ext4 image, in MiB.";
      example = "512";
    }
    {
      name = "shell";
      type = t.enum [
        "auto"
        "always"
        "never"
      ];
      default = "auto";
      description = "Whether the image has busybox, as /bin/sh, /usr/bin/env and at the end of PATH. auto: when a command needs or runs a shell, names its program without a path, or is itself a script.";
      example = ''"always"'';
    }
    {
      name = "extraFiles";
      type = t.attrsOf "a file" (t.name "/[^\n\r]*[^/\n\r]" "an absolute path") (
        t.orPath "source" (t.submodule extraFile)
      );
      default = { };
      description = "Further files in the image, by their path. A path or package alone stands for { source = ...; }.";
      example = ''{ "/etc/app.conf".content = "listen 8080\n"; "/etc/motd" = ./motd; }'';
    }
    {
      name = "nameservers";
      type = t.listOf address;
      default = [ ];
      description = "Name servers, for a guest to which the kernel command line gives none.";
      example = ''[ "192.0.2.53" ]'';
    }
    {
      name = "memoryReserve";
      type = t.size;
      ini = "memory_reserve";
      defaultText = "6 MiB, one 32nd of the memory that is free before the first service starts, and 68 KiB for each service";
      description = "Memory that services cannot have, all of them together: it is kept for PID 1, the agent and the kernel. mvm-init.ini(5) has the details.";
      example = ''"24M"'';
    }
    {
      name = "userNamespaces";
      type = t.bool;
      ini = "user_namespaces";
      defaultText = "false";
      description = "Whether services may make user namespaces. Browsers and containers without root need them; to anybody else they are a way to attack the kernel.";
      example = "true";
    }
    {
      name = "accounting";
      type = t.bool;
      ini = "accounting";
      defaultText = "false";
      description = "Whether the memory, CPU time and tasks of services are counted, for the agent to report, even where no service has a limit.";
      example = "true";
    }
    {
      name = "sysctl";
      type = t.attrsOf "a setting of the kernel" (t.name "[A-Za-z0-9]([.]?[A-Za-z0-9_/-])*[.]?" "letters, digits, '_', '-', '/' and single dots, starting with a letter or digit") t.setting;
      default = { };
      description = "Settings of the kernel, made before the first service starts. They replace those that every guest gets, which mvm-init.ini(5) lists.";
      example = ''{ "net.core.somaxconn" = 1024; }'';
    }
    {
      name = "cacert";
      type = t.package;
      defaultText = "`pkgs.cacert`";
      description = "Package with /etc/ssl/certs/ca-bundle.crt, for TLS clients; null for none.";
      example = "null";
    }
    {
      name = "kernel";
      type = t.package;
      defaultText = "the kernel of this flake";
      description = "Package with vmlinux (x86_64) or Image (aarch64); of a kernel of nixpkgs, its dev output is looked at as well. Drivers for virtio_mmio, virtio_blk and the root file system have to be built in.";
      example = "myKernel";
    }
    {
      name = "kernelFeatures";
      type = t.listOf (t.enum [
        "containers"
        "fuse"
        "iptables"
        "landlock"
        "nftables"
        "overlay"
        "tun"
        "virtio_fs"
        "wireguard"
      ]);
      default = [ ];
      description = "What the kernel of this flake can do beyond the ordinary. tun: /dev/net/tun, for VPNs in user space. wireguard: its network devices. nftables and iptables: packet filters, address translation and connection tracking, of the new and of the old tools. fuse: file systems in user space. virtio_fs: directories that the host shares. landlock: rules for files that a program gives itself, as the agent does. overlay: the options of overlayfs that container engines ask for. containers: virtual network cards, bridges and the programs that rule a control group's devices, and the features overlay and nftables.";
      example = ''[ "tun" "wireguard" ]'';
    }
    {
      name = "kernelProfile";
      type = t.enum [
        "default"
        "lean"
      ];
      default = "default";
      description = "lean: the kernel of this flake without the mitigations that cost most, against processors that leak what they speculate on. For guests in which no code runs that is not trusted with all of the guest: services can then read each other's memory, and the kernel's, on processors with these flaws. The host's own mitigations are not touched.";
      example = ''"lean"'';
    }
    {
      name = "ociImage";
      type = t.bool;
      default = true;
      description = "Also make image.tar, the same files as an OCI container image.";
      example = "false";
    }
  ];

  type = t.submoduleOf otherNames.guest guest;

  # The guest's options that have a default: NAME = VALUE.
  defaults = builtins.listToAttrs (
    builtins.concatMap (
      o:
      if o ? default then
        [
          {
            inherit (o) name;
            value = o.default;
          }
        ]
      else
        [ ]
    ) guest
  );
}
