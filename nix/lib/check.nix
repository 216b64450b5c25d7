# SPDX-License-Identifier: MIT
#
# What mkGuest was given, checked and completed: check ARGS = { errors; config; }.
#
# `errors` are messages of the form "services.web.restart: expected ..., got ...", all of them at
# once. `config` (only to be used when there are none) has every option, null where nothing was
# given and there is no default.
let
  inherit (builtins)
    attrNames
    concatLists
    concatMap
    concatStringsSep
    elem
    filter
    hasAttr
    listToAttrs
    map
    match
    stringLength
    toJSON
    toString
    ;
  text = import ./text.nix;
  inherit (text)
    alternatives
    closest
    optional
    optionals
    unique
    ;
  accounts = import ./accounts.nix;
  commands = import ./commands.nix;
  files = import ./files.nix;
  options = import ./options.nix;
  inherit (import ./types.nix) join milliseconds;

  # Services that init adds itself: it ignores a file with such a name.
  ownServices = [
    "log-collector"
    "mvm-guest-agent"
  ];

  # The guest reads no more of a file, of a line, and no more files of a directory.
  iniBytes = 262143;
  lineBytes = 65534;
  jsonBytes = 65536;
  jsonFiles = 256;

  # "; did you mean web?" or the names that there are.
  hint =
    name: names: what:
    let
      near = closest name names;
    in
    if near != null then
      "; did you mean ${near}?"
    else if names == [ ] then
      "; there are no ${what}"
    else
      "; ${what}: ${concatStringsSep ", " names}";

  # Users that services ask for with createUser, and that nobody has defined.
  createdUsers =
    config:
    let
      wanted = concatMap (
        n:
        let
          s = config.services.${n};
        in
        optional (
          s.createUser
          && s.user != null
          && s.user != "root"
          && s.user != config.serviceGroup
          && !(hasAttr s.user config.users)
        ) s.user
      ) (attrNames config.services);
    in
    listToAttrs (
      map (name: {
        inherit name;
        value = {
          uid = null;
          group = null;
          home = null;
        };
      }) (unique wanted)
    );

  userErrors =
    config: at: user: mayBeRoot:
    let
      names = attrNames config.users;
    in
    if user == null || user == config.serviceGroup || elem user names then
      [ ]
    else if user == "root" then
      optional (!mayBeRoot) "${at}: checks and probes never run as root"
    else if elem user accounts.reservedUsers then
      [ "${at}: ${user} is a user of the image's own; define another: users.NAME = { };" ]
    else
      [
        "${at}: no user ${toJSON user}${hint user names "users"}; define it: users.${user} = { };"
      ];

  # Services that (after, requires) wait for themselves in the end.
  inCycle =
    services: name:
    let
      next = n: filter (m: hasAttr m services) (dependencies services.${n});
      reached = builtins.genericClosure {
        startSet = map (key: { inherit key; }) (next name);
        operator = item: map (key: { inherit key; }) (next item.key);
      };
    in
    elem name (map (item: item.key) reached);

  # "; ..." on a name of a unit of systemd, for which there is no service.
  unitHint =
    name: names:
    let
      parts = match "(.*)[.](service|target|socket|timer|mount|path|slice)" name;
      short = builtins.head parts;
    in
    if parts == null then
      null
    else if builtins.elemAt parts 1 == "service" then
      if elem short names then "; write ${toJSON short}" else null
    else
      "; that is a unit of systemd, and the guest has services only: leave it out";

  dependencies =
    s:
    unique (
      (if s.after == null then [ ] else s.after) ++ (if s.requires == null then [ ] else s.requires)
    );

  serviceErrors =
    config: groups: name:
    let
      s = config.services.${name};
      at = join "services" name;
      names = attrNames config.services;
      checked = hasAttr name config.healthChecks;
      refer =
        option:
        concatMap (
          other:
          if other == name then
            [ "${at}.${option}: a service cannot wait for itself" ]
          else
            optional (
              !(elem other names)
            ) "${at}.${option}: no service ${toJSON other}${
              if unitHint other names != null then unitHint other names else hint other names "services"
            }"
        ) (if s.${option} == null then [ ] else s.${option});
      needs =
        option: condition: what:
        optional (!condition) "${at}.${option}: ${what}";
    in
    optional (elem name ownServices) "${at}: the guest has a service of this name already"
    ++ userErrors config "${at}.user" s.user true
    ++ refer "after"
    ++ refer "requires"
    ++ concatMap (
      g:
      optional (
        !(elem g groups)
      ) "${at}.supplementaryGroups: no group ${toJSON g}${hint g groups "groups"}"
    ) (if s.supplementaryGroups == null then [ ] else s.supplementaryGroups)
    ++ optionals (s.ready == "healthy") (
      needs "ready" checked "healthy needs a health check; define healthChecks.${name}"
    )
    ++ optionals (s.unhealthyRestartAfter != null && s.unhealthyRestartAfter > 0) (
      needs "unhealthyRestartAfter" checked "needs a health check; define healthChecks.${name}"
    )
    ++ optionals (s.onInterval != null) (
      needs "onInterval" (s.type == "oneshot" || (s.restart != null && s.restart != "always"))
        "a service that runs at an interval has to end; set type = \"oneshot\", or restart = \"never\""
    )
    ++ optionals (s.reloadCommand != null) (
      needs "reloadCommand" (s.reloadSignal == null) "there is reloadSignal, too; only one of them can be"
    )
    ++ concatMap (
      o: optionals (s.${o} != null) (needs o (s.type != "oneshot") "a oneshot has nothing to reload")
    ) [ "reloadSignal" "reloadCommand" ]
    ++ optionals (s.startLimitExitCode != null) (
      needs "startLimitExitCode" (s.startLimitAction == "exit") "only for startLimitAction = \"exit\""
    )
    ++ optionals (s.startLimitAction != null && s.startLimitAction != "none") (
      needs "startLimitAction" (s.startLimit != null && s.startLimit > 0) "there is no startLimit"
    )
    ++ optionals (s.seccomp != null && s.seccomp != "unrestricted") (
      needs "seccomp" (s.noNewPrivs != false) "only unrestricted goes with noNewPrivs = false"
      ++ needs "seccomp" (
        s.seccomp != "essential" || s.ready != "notify"
      ) "essential refuses the socket that ready = \"notify\" needs"
    )
    ++ optional (
      s.restartDelay != null && milliseconds s.restartDelay > delayMax s
    ) "${at}.restartDelay: it is above restartDelayMax${
      if s.restartDelayMax == null then ", which is 30 s where it is not given" else ""
    }"
    ++ optional (
      s.restartDelay == null && delayMax s < 100
    ) "${at}.restartDelayMax: it is below restartDelay, which is 100 ms where it is not given"
    ++ optional (
      s.logFile != null && stringLength s.logFile > 255
    ) "${at}.logFile: the path has more than 255 bytes"
    ++ concatMap (
      o: optionals (s.${o} != null) (needs o (s.logFile != null) "there is no logFile to rotate")
    ) [ "logMaxSize" "logKeep" ];

  delayMax = s: if s.restartDelayMax == null then 30000 else milliseconds s.restartDelayMax;

  # What the guest's parsers would not read to its end.
  sizeErrors =
    config:
    let
      script = name: _: "/nix/store/00000000000000000000000000000000-${name}";
      large = at: most: size: optional (
        size > most
      ) "${at}: its file would have ${toString size} bytes, and the guest reads ${toString most} at most";
      many =
        part:
        let
          n = builtins.length (attrNames config.${part});
        in
        optional (
          n > jsonFiles
        ) "${part}: there are ${toString n}, and the guest reads ${toString jsonFiles} at most";
      longLines =
        name:
        let
          s = config.services.${name};
          at = join "services" name;
          value = o: (commands.describe s.${o});
          long = size: size > lineBytes;
        in
        concatMap (
          o:
          optional (
            s.${o} != null
            && (value o).kind != "lines"
            && long (stringLength (value o).text + stringLength "reload_command = ")
          ) "${at}.${o}: longer than ${toString lineBytes} bytes; make it a script (writeScript)"
        ) [ "command" "preStart" "reloadCommand" ]
        ++ concatMap (
          v:
          optional (long (
            stringLength v + 3 + stringLength s.env.${v}
          )) "${at}.env.${v}: longer than ${toString lineBytes} bytes; put it into an environmentFile"
        ) (attrNames s.env);
    in
    many "healthChecks"
    ++ many "probes"
    ++ concatMap (
      n:
      longLines n
      ++ large (join "services" n) iniBytes (stringLength (files.service script n config.services.${n}))
    ) (attrNames config.services)
    ++ concatMap (n: large (join "healthChecks" n) jsonBytes (stringLength (files.healthCheck config n))) (
      filter (n: hasAttr n config.services) (attrNames config.healthChecks)
    )
    ++ concatMap (n: large (join "probes" n) jsonBytes (stringLength (files.probe config n))) (
      attrNames config.probes
    );

  cycleErrors =
    config:
    let
      cyclic = filter (inCycle config.services) (attrNames config.services);
    in
    optional (
      cyclic != [ ] && builtins.length cyclic > 1
    ) "services: ${concatStringsSep ", " cyclic} wait for each other (after, requires)";

  healthCheckErrors =
    config: name:
    let
      names = attrNames config.services;
      at = join "healthChecks" name;
    in
    optional (
      !(elem name names)
    ) "${at}: no service ${toJSON name}${hint name names "services"}; a check of something else is a probe"
    ++ userErrors config "${at}.user" config.healthChecks.${name}.user false;

  fileErrors =
    config: path:
    let
      f = config.extraFiles.${path};
      at = join "extraFiles" path;
    in
    optional (
      (f.content == null) == (f.source == null)
    ) "${at}: give one of content and source"
    ++ optional (
      match "(.*/)?[.][.]?(/.*)?" path != null || match ".*//.*" path != null
    ) "${at}: the path must not have empty, . or .. components"
    ++ optional (
      match "/(nix/store|proc|sys|dev|run|var/run|tmp|mnt/(config|secrets|data))(/.*)?" path != null
    ) "${at}: the guest mounts something over this place, or it is the store"
    ++ optional (
      match "/(init|sbin/(init|vminitd)|etc/(passwd|group|mvm/init[.]ini|mvm/(services|integrations|probes)[.]d/.*))" path
      != null
    ) "${at}: mkGuest writes this file"
    ++ optional (
      config.dev && path == "/etc/mvm/agent.json"
    ) "${at}: dev = true writes this file; put \"dev\": true into it and leave the option out";

  # Two names of one setting: dots part the names unless there is a slash, as in the guest.
  sysctlErrors =
    config:
    let
      path =
        name:
        if match ".*/.*" name != null then name else builtins.replaceStrings [ "." ] [ "/" ] name;
      names = attrNames config.sysctl;
      same = name: filter (other: other < name && path other == path name) names;
    in
    concatMap (
      name: map (other: "${join "sysctl" name}: ${other} is the same setting; leave one of them out") (same name)
    ) names;

  kernelErrors =
    config:
    concatMap
      (
        o:
        optional (
          config.kernel != null && config.${o} != options.defaults.${o}
        ) "${o}: it is for the kernel of this flake, and `kernel` names another; leave one of them out"
      )
      [
        "kernelFeatures"
        "kernelProfile"
      ];

  hostnameErrors =
    config: given:
    let
      hostname = builtins.head (filter (o: o.name == "hostname") options.guest);
    in
    optionals (!given) (
      map (_: "name: ${config.name} cannot be a host name; give hostname as well") (
        hostname.type.check "" config.hostname
      )
    );

  complete =
    args:
    let
      filled = options.type.fill args;
      withUsers = filled // {
        users = createdUsers filled // filled.users;
      };
    in
    withUsers
    // {
      hostname =
        if filled.hostname != null then
          filled.hostname
        else
          builtins.replaceStrings [ "_" "+" ] [ "-" "-" ] filled.name;
    };

  crossErrors =
    args: config:
    let
      groups = attrNames (accounts.assign { inherit (config) serviceGroup users; }).groups;
      accountErrors = accounts.errors { inherit (config) serviceGroup users; };
    in
    accountErrors
    ++ hostnameErrors config (args.hostname or null != null)
    ++ concatMap (serviceErrors config (if accountErrors == [ ] then groups else [ ])) (
      attrNames config.services
    )
    ++ cycleErrors config
    ++ concatMap (healthCheckErrors config) (attrNames config.healthChecks)
    ++ concatLists (
      map (n: userErrors config "${join "probes" n}.user" config.probes.${n}.user false) (
        attrNames config.probes
      )
    )
    ++ concatMap (fileErrors config) (attrNames config.extraFiles)
    ++ sysctlErrors config
    ++ kernelErrors config
    ++ (
      let
        wrong = commands.errors config;
      in
      if wrong == [ ] then sizeErrors config else wrong
    );
in
{
  inherit alternatives;

  check =
    args:
    let
      typeErrors = options.type.check "" args;
      config = complete args;
    in
    {
      inherit config;
      # What belongs together is only looked at when each value is of its type.
      errors = if typeErrors != [ ] then typeErrors else crossErrors args config;
    };
}
