# SPDX-License-Identifier: MIT
#
# Modular services of nixpkgs (its manual, "Modular services"; lib/services) as services of ours:
#
#   mkGuest {
#     name = "web";
#     modularServices.php = {
#       imports = [ pkgs.php.services.default ];
#       php-fpm.settings = { ... };
#     };
#   }
#
# process.argv becomes the command, a sub-service a service called <name>-<sub-service>, configData
# files in /etc/mvm/config-data/<name>/. A module's options for systemd do not exist here;
# `mvm.service` has this project's options of the service. The options are declared here instead of
# taken from nixpkgs: 25.11 has none of those about reloading, the environment and notification,
# later drafts have them in different forms, and the files belong to NixOS. All forms are taken.
{ lib, pkgs }:
let
  inherit (lib) mkOption types;
  inherit (import ./module-options.nix { inherit lib; }) moduleOptions withoutNull;
  inherit (import ./lib/text.nix) duplicates mergeSets show unique;
  inherit (import ./lib/types.nix) join;

  pathOrString = types.coercedTo types.path (path: "${path}") types.str;

  # { systemd = true; }, [ "systemd" ], "systemd" or null.
  protocol =
    let
      flag = mkOption {
        type = types.bool;
        default = false;
      };
      named = given: lib.genAttrs (if builtins.isList given then given else [ given ]) (_: true);
    in
    types.coercedTo (types.nullOr (types.either types.str (types.listOf types.str)))
      (given: if given == null then { } else named given)
      (
        types.submodule {
          options = {
            systemd = flag;
            sd_notify = flag;
            s6 = flag;
            none = flag;
          };
        }
      );

  protocolOption = mkOption {
    type = protocol;
    default = { };
    description = "How the program says that it is ready.";
  };

  # mkGuest's options of a service. A module may give any of them.
  serviceOptions = moduleOptions (
    map (o: if o.name == "command" then builtins.removeAttrs o [ "required" ] else o) (
      import ./lib/options.nix
    ).service
  );

  configFile =
    directory:
    { name, config, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "True if the file exists.";
        };
        name = mkOption {
          type = types.str;
          default = name;
          description = "Name of the file.";
        };
        path = mkOption {
          type = types.str;
          readOnly = true;
          description = "Path in the guest.";
        };
        text = mkOption {
          type = types.nullOr types.lines;
          default = null;
          description = "Text of the file.";
        };
        source = mkOption {
          type = types.nullOr types.path;
          default = null;
          description = "File or directory to copy; of `text` a file.";
        };
      };
      config = {
        path = "${directory}/${config.name}";
        source = lib.mkDefault (
          if config.text == null then null else pkgs.writeText "config-data" config.text
        );
      };
    };

  # The portable options of a service whose name begins with `prefix`.
  base =
    prefix:
    { name, ... }:
    let
      fullName = "${prefix}${name}";
    in
    {
      _class = "service";
      options = {
        services = mkOption {
          type = types.attrsOf (service "${fullName}-");
          default = { };
          description = "Sub-services.";
        };
        process.argv = mkOption {
          type = types.nullOr (types.listOf pathOrString);
          default = null;
          description = "Program and arguments; null for a service that only has sub-services.";
        };
        process.environment = mkOption {
          type = types.attrsOf (
            types.nullOr (
              types.oneOf [
                types.str
                types.bool
                types.int
                types.float
                types.path
              ]
            )
          );
          default = { };
          description = "Environment variables; null for one that is left out.";
        };
        process.reloadSignal = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Signal that has the program read its configuration again.";
        };
        process.reloadCommand = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Command that has it do so.";
        };
        process.notificationProtocol = protocolOption;
        notificationProtocol = protocolOption;
        configData = mkOption {
          type = types.attrsOf (types.submodule (configFile "/etc/mvm/config-data/${fullName}"));
          default = { };
          description = "Configuration files.";
        };
        assertions = mkOption {
          type = types.listOf types.unspecified;
          default = [ ];
          description = "Condition that must be true.";
        };
        warnings = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Messages to the user.";
        };
        meta = mkOption {
          type = types.lazyAttrsOf types.unspecified;
          default = { };
          description = "About the module.";
        };
        mvm.service = mkOption {
          type = types.submodule { options = serviceOptions; };
          default = { };
          description = "Options of mkGuest's services.<name>.";
        };
      };
    };

  service =
    prefix:
    types.submoduleWith {
      class = "service";
      modules = [ (base prefix) ];
      specialArgs = { inherit pkgs; };
    };

  # { name; at; config; } of every service and sub-service; `at` is its path for messages.
  flatten =
    prefix: path: tree:
    lib.concatLists (
      lib.mapAttrsToList (
        name: config:
        let
          at = join path name;
        in
        [
          {
            inherit config at;
            name = "${prefix}${name}";
          }
        ]
        ++ flatten "${prefix}${name}-" "${at}.services" config.services
      ) tree
    );

  speaks =
    name: config:
    builtins.any (p: p.${name} or false) [
      config.notificationProtocol
      config.process.notificationProtocol
    ];
  isNotifying = config: speaks "systemd" config || speaks "sd_notify" config;

  # A program that says when it is ready need not say when it has reloaded: other service managers
  # send the signal and are done. reloadSignal would wait for it.
  reloads =
    config:
    let
      inherit (config.process) reloadSignal reloadCommand;
      ours = config.mvm.service;
    in
    if ours.reloadSignal != null || ours.reloadCommand != null then
      { }
    else if isNotifying config && reloadSignal != null && reloadCommand == null then
      { reloadCommand = "kill -${lib.removePrefix "SIG" reloadSignal} $MAINPID"; }
    else
      { inherit reloadSignal reloadCommand; };

  toService =
    s:
    lib.nameValuePair s.name (
      mergeSets (withoutNull (
        {
          command = s.config.process.argv;
          env = s.config.process.environment;
          ready = if isNotifying s.config then "notify" else null;
        }
        // reloads s.config
      )) (withoutNull s.config.mvm.service)
    );

  files = s: lib.filterAttrs (_: file: file.enable) s.config.configData;

  toFiles =
    s: lib.mapAttrsToList (_: file: lib.nameValuePair file.path { inherit (file) source; }) (files s);

  fileErrors =
    s:
    lib.concatLists (
      lib.mapAttrsToList (
        name: file:
        let
          at = join "${s.at}.configData" name;
          isOutside =
            builtins.isString file.source
            && builtins.match "${builtins.storeDir}/.*" (builtins.unsafeDiscardStringContext file.source) == null;
        in
        if file.source == null then
          [ "${at}: give one of text and source" ]
        else
          lib.optional isOutside "${at}.source: expected a package or a path to copy, got ${show file.source}; for a file that is there only while the guest runs, write its path into process.argv, and enable = false here"
      ) (files s)
    );

  # Services that would have the same name: the sub-service b of a, and a-b.
  nameErrors =
    all:
    map (
      name:
      "${lib.concatStringsSep " and " (map (s: s.at) (lib.filter (s: s.name == name) all))}: both would be the service ${name}; give one of them another name"
    ) (duplicates (map (s: s.name) all));

  serviceErrors =
    s:
    map (a: "${s.at}: ${lib.removeSuffix "\n" a.message}") (
      lib.filter (a: !a.assertion) s.config.assertions
    )
    ++ lib.optional (
      s.config.process.argv == null && s.config.services == { }
    ) "${s.at}.process.argv: required, and not given"
    ++ lib.optional (
      s.config.process.argv == [ ]
    ) "${s.at}.process.argv: the command is empty"
    ++ fileErrors s;

  warnings =
    s:
    s.config.warnings
    ++ lib.optional (
      speaks "s6" s.config && !(isNotifying s.config)
    ) "notificationProtocol.s6: not spoken here; the service counts as up as soon as its program runs";
in
{
  # modules by name -> { errors; services; extraFiles; } for mkGuest; the latter two only to be used
  # where there are no errors.
  translate =
    modules:
    let
      evaluated = lib.evalModules {
        modules = [
          {
            options.modularServices = mkOption {
              type = types.attrsOf (service "");
              default = { };
            };
          }
          {
            _file = "mkGuest's modularServices";
            modularServices = modules;
          }
        ];
      };
      all = flatten "" "modularServices" evaluated.config.modularServices;
      warned = lib.concatMap (s: map (w: "${s.at}: ${w}") (warnings s)) all;
    in
    {
      errors = lib.concatMap serviceErrors all ++ nameErrors all;
      services = lib.foldr lib.warn (lib.listToAttrs (
        map toService (lib.filter (s: s.config.process.argv != null) all)
      )) warned;
      extraFiles = lib.listToAttrs (lib.concatMap toFiles all);
    };
}
