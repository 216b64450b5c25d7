# SPDX-License-Identifier: MIT
#
# The text files of a guest, from a checked configuration (check.nix).
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    elem
    filter
    isBool
    isFloat
    isList
    listToAttrs
    map
    toJSON
    toString
    ;
  inherit (import ./text.nix) optional;
  inherit (import ./types.nix) milliseconds;
  accounts = import ./accounts.nix;
  commands = import ./commands.nix;
  names = import ./names.nix;
  options = import ./options.nix;

  # A value in a file of key = value lines.
  iniValue =
    value:
    if isBool value then
      (if value then "true" else "false")
    # A time span; toJSON would write small and large ones as 1e-05.
    else if isFloat value then
      "${toString (milliseconds value)}ms"
    else if isList value then
      concatStringsSep " " value
    else
      toString value;

  # init.ini has other words for a boolean than service files.
  yesOrNo = value: if value then "yes" else "no";

  iniSection =
    name: entries:
    concatStringsSep "" (
      [ "[${name}]\n" ] ++ map (
        e:
        let
          value = iniValue e.value;
        in
        "${e.key} =${if value == "" then "" else " ${value}"}\n"
      ) entries
    );

  # A command for a file of one line: several lines become a script in the store.
  iniCommand =
    script: name: value:
    let
      c = commands.describe value;
    in
    if c.kind == "lines" then script name "#!/bin/sh\n${c.text}\n" else c.text;

  service =
    script: name: s:
    let
      given = filter (o: o ? ini && s.${o.name} != null && s.${o.name} != [ ]) options.service;
      entry = o: {
        key = o.ini;
        value =
          if elem o.name [ "command" ] then
            iniCommand script name s.${o.name}
          else if o.name == "preStart" then
            iniCommand script "${name}-pre-start" s.${o.name}
          else if o.name == "reloadCommand" then
            iniCommand script "${name}-reload" s.${o.name}
          else
            s.${o.name};
      };
      env = map (key: {
        inherit key;
        value = s.env.${key};
      }) (attrNames s.env);
    in
    iniSection "service" (map entry given)
    + (if env == [ ] then "" else "\n" + iniSection "env" env);

  # What is given, under the names that the agent reads.
  json =
    table: name: value: extra:
    toJSON (
      {
        inherit name;
      }
      // listToAttrs (
        map (o: {
          name = o.json;
          value =
            if o.type.kind == "command" then (commands.describe value.${o.name}).text else value.${o.name};
        }) (filter (o: value.${o.name} != null) table)
      )
      // extra
    )
    + "\n";

  healthCheck =
    config: name:
    let
      c = config.healthChecks.${name};
      owner = config.services.${name}.user;
    in
    json options.healthCheck name c (
      if c.user == null && owner != null && owner != "root" then { user = owner; } else { }
    );

  probe = config: name: json options.probe name config.probes.${name} { };

  file = path: text: {
    inherit path text;
    mode = "0644";
  };
in
{
  inherit service healthCheck probe;

  /*
    The files of `config`, a list of { path; mode; text; } with paths that begin with "/".

    agent   path of the agent's program in the image
    path    PATH of everything that runs, directories separated by ":"
    script  name: text: path in the store of an executable file with that text
  */
  files =
    {
      config,
      agent,
      path,
      script,
    }:
    let
      ids = accounts.assign { inherit (config) serviceGroup users; };
      loginShell = if commands.hasShell config then "/bin/sh" else "/sbin/nologin";
      each =
        directory: extension: values: render:
        map (n: file "/etc/mvm/${directory}/${n}.${extension}" (render n)) (attrNames values);
    in
    [
      (file "/etc/passwd" (
        accounts.passwd {
          shell = loginShell;
          accounts = ids;
        }
      ))
      (file "/etc/group" (accounts.group ids))
      (file "/etc/hostname" "${config.hostname}\n")
      (file "/etc/hosts" ''
        127.0.0.1 localhost
        ::1 localhost
        127.0.1.1 ${config.hostname}
      '')
      (file "/etc/nsswitch.conf" ''
        passwd: files
        group: files
        hosts: files dns
      '')
      (file "/etc/protocols" names.protocols)
      (file "/etc/services" names.services)
      (file "/etc/mvm/init.ini" (
        iniSection "guest" (
          [
            {
              key = "hostname";
              value = config.hostname;
            }
            {
              key = "service_group";
              value = config.serviceGroup;
            }
            {
              key = "agent";
              value = agent;
            }
          ]
          ++ optional (config.nameservers != [ ]) {
            key = "nameservers";
            value = config.nameservers;
          }
          ++ map (o: {
            key = o.ini;
            value = if isBool config.${o.name} then yesOrNo config.${o.name} else config.${o.name};
          }) (filter (o: o ? ini && config.${o.name} != null) options.guest)
        )
        + (
          if config.sysctl == { } then
            ""
          else
            "\n" + iniSection "sysctl" (
              map (key: {
                inherit key;
                value = config.sysctl.${key};
              }) (attrNames config.sysctl)
            )
        )
        # For the services, and for the agent and its checks.
        + "\n"
        + iniSection "env" [
          {
            key = "PATH";
            value = path;
          }
        ]
      ))
    ]
    # What the agent allows where the host gives no policy; mvm-guest-agent(8).
    ++ optional config.dev (file "/etc/mvm/agent.json" "${toJSON { dev = true; }}\n")
    ++ each "services.d" "ini" config.services (n: service script n config.services.${n})
    ++ each "integrations.d" "json" config.healthChecks (healthCheck config)
    ++ each "probes.d" "json" config.probes (probe config);

  # Home directories to create, parents first, each once: a list of { path; uid; gid; }. A home that
  # is one of the system's directories, or under something that the guest mounts, is not ours to own.
  homes =
    config:
    let
      ids = accounts.assign { inherit (config) serviceGroup users; };
      ours =
        home:
        builtins.match "/|/(bin|dev|etc|home|init|lib|lib64|mnt|nix|proc|root|run|sbin|sys|tmp|usr|var)|/var/(lib|log|run|empty|tmp)|/(dev|proc|sys|run|var/run|tmp|nix|mnt/(config|secrets|data))/.*" home
        == null;
      owners = filter (n: ours ids.users.${n}.home) (
        [ config.serviceGroup ] ++ attrNames config.users
      );
    in
    # By path, and of a home that several share the first one's.
    builtins.attrValues (
      listToAttrs (
        map (n: {
          name = ids.users.${n}.home;
          value = {
            path = ids.users.${n}.home;
            inherit (ids.users.${n}) uid gid;
          };
        }) owners
      )
    );
}
