# SPDX-License-Identifier: MIT
#
# What other formats (systemd, NixOS, compose files) call the options of ours, where no letter
# helps, and what to say of their options that have none here: for messages.
let
  same = name: names: builtins.listToAttrs (map (n: { name = n; value = name; }) names);

  inRunner = "the runner and the host decide that: --memory, --cpus and --publish of `nix run .#NAME.vm`, vmconfig.json for Firecracker";
  inDrives = "data is on the drives that the host attaches, /mnt/config, /mnt/secrets and /mnt/data";
  ofNixOS = "that is an option of NixOS, and mkGuest has its own";
  ofModule = "that is part of a module: mvm.lib.SYSTEM.evalGuest [ ... ] takes modules";
  ofGroup = "the first group is the user's, users.<name>.group; further ones are supplementaryGroups";
  inKernel = "the host gives the kernel's command line: --append of `nix run .#NAME.vm`, boot_args of vmconfig.json";
  always = "every service is started at boot; leave it out";
  hardening = "what confines a service is noNewPrivs, seccomp, privateTmp, readOnlyPaths and capabilities";
in
{
  # Names elsewhere -> our option, where the set of options that is looked at has it.
  names = {
    AmbientCapabilities = "capabilities";
    CPUQuota = "cpuMax";
    CapabilityBoundingSet = "capabilities";
    DynamicUser = "createUser";
    Environment = "env";
    EnvironmentFile = "environmentFile";
    ExecReload = "reloadCommand";
    ExecStart = "command";
    ExecStartPre = "preStart";
    KillSignal = "stopSignal";
    NoNewPrivileges = "noNewPrivs";
    OOMScoreAdjust = "oomScoreAdj";
    OnBootSec = "onBootDelay";
    OnCalendar = "onInterval";
    OnUnitActiveSec = "onInterval";
    RestartSec = "restartDelay";
    StandardError = "logFile";
    StandardOutput = "logFile";
    StartLimitBurst = "startLimit";
    StartLimitIntervalSec = "startLimitInterval";
    SystemCallFilter = "seccomp";
    TimeoutStartSec = "startTimeout";
    TimeoutStopSec = "stopTimeout";
    WatchdogSec = "watchdog";
    bindsTo = "requires";
    cap_add = "capabilities";
    cmd = "command";
    command = "healthCmd";
    cpus = "cpuMax";
    cwd = "workingDirectory";
    depends_on = "requires";
    dns = "nameservers";
    entrypoint = "command";
    environment = "env";
    environmentFiles = "environmentFile";
    env_file = "environmentFile";
    exec = "command";
    filesystem = "rootfsType";
    fsType = "rootfsType";
    gid = "group";
    healthCmd = "command";
    interval = "healthIntervalSecs";
    mem_limit = "memoryMax";
    partOf = "requires";
    path = "packages";
    pids_limit = "tasksMax";
    process = "command";
    reload = "reloadCommand";
    reloadIfChanged = "reloadCommand";
    run = "command";
    script = "command";
    startAt = "onInterval";
    stop_signal = "stopSignal";
    systemPackages = "packages";
    test = "healthCmd";
    text = "content";
    timeout = "healthTimeoutSecs";
    ulimits = "limitNofile";
    wants = "requires";
    working_dir = "workingDirectory";
  };

  # Values elsewhere -> ours, where they are allowed.
  values = {
    exec = "simple";
    no = "never";
    "on-abnormal" = "on-failure";
    "on-abort" = "on-failure";
    unless-stopped = "always";
    unlimited = "infinity";
  };

  # What to say of a type of a service.
  serviceTypes = same "that is another option: ready = \"notify\"" [ "notify" "notify-reload" ];

  # What to say of a name in a service, and in the guest.
  service = {
    before = "write after into the other service";
    description = "a comment in the Nix file says it";
    enable = "leave the service out, with lib.optionalAttrs where it depends on something";
    enabled = "leave the service out, with lib.optionalAttrs where it depends on something";
    image = "a guest runs programs of Nix packages: command = ...";
    packages = "packages belong to the guest, and are in the PATH of every service";
    path = "packages belong to the guest, and are in the PATH of every service";
    postStart = "give that work a service of its own, after this one";
    postStop = "there is no command for a stop: the service gets stopSignal, and after stopTimeout KILL";
    ExecStartPost = "give that work a service of its own, after this one";
    ExecStop = "there is no command for a stop: the service gets stopSignal, and after stopTimeout KILL";
    serviceConfig = "its keys are options of the service: command for ExecStart, env for Environment, restart for Restart";
    unitConfig = "its keys are options of the service: after, requires, startLimit";
  }
  // same "health checks are beside the services: healthChecks.<name>" [ "healthcheck" "healthCheck" "healthChecks" "health" "healthCmd" ]
  // same always [ "wantedBy" "requiredBy" "autostart" "autoStart" "WantedBy" ]
  // same ofGroup [ "group" "Group" ]
  // same inRunner [ "ports" "expose" "networks" ]
  // same inDrives [ "volumes" "mounts" "StateDirectory" "RuntimeDirectory" "CacheDirectory" "LoadCredential" "secrets" ]
  // same hardening [ "ProtectSystem" "ProtectHome" "PrivateDevices" "PrivateNetwork" "RestrictAddressFamilies" "MemoryDenyWriteExecute" ];

  guest =
    same inRunner [ "memory" "mem" "cpus" "cpu" "vcpu" "vcpus" "ports" "network" "firewall" ]
    // same inDrives [ "volumes" "mounts" "fileSystems" "secrets" "drives" ]
    // same ofNixOS [ "boot" "environment" "systemd" "security" "system" "nix" "time" "i18n" "programs" "virtualisation" "hardware" ]
    // same inKernel [ "kernelParams" "kernelArguments" "kernelArgs" "bootArgs" "boot_args" "cmdline" ]
    // same ofModule [ "imports" "config" "options" "_module" "_class" ]
    // {
      networking = "hostname and nameservers are options of mkGuest, addresses come from the host";
      command = "a command belongs to a service: services.<name>.command";
      env = "variables belong to a service: services.<name>.env";
      user = "users are users.<name>, and a service names one: services.<name>.user";
      init = "the guest has an init of its own; give it services";
      pkgs = "mkGuest has the packages already; name those for the image in packages";
      system = "the functions are those of one system already: mvm.lib.x86_64-linux.mkGuest";
    };
}
