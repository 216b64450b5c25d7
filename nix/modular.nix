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
# taken from nixpkgs, because older nixpkgs have none, and newer ones keep them inside NixOS.
{ lib, pkgs }:
let
  inherit (lib) mkOption types;

  pathOrString = types.coercedTo types.path (path: "${path}") types.str;

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
          description = "File to copy.";
        };
      };
      config.path = "${directory}/${config.name}";
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
        process.notificationProtocol = mkOption {
          type = types.nullOr (
            types.enum [
              "none"
              "systemd"
              "sd_notify"
            ]
          );
          default = null;
          description = "How the program says that it is ready.";
        };
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
          type = types.lazyAttrsOf types.unspecified;
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

  # { name; path; config; } of every service and sub-service.
  flatten =
    prefix: path: tree:
    lib.concatLists (
      lib.mapAttrsToList (
        name: config:
        let
          at = "${path}.${name}";
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

  isNotifying =
    config: config.process.notificationProtocol != null && config.process.notificationProtocol != "none";

  toService =
    s:
    lib.nameValuePair s.name (
      { command = s.config.process.argv; }
      // lib.optionalAttrs (isNotifying s.config) { ready = "notify"; }
      // s.config.mvm.service
    );

  toFiles =
    s:
    lib.mapAttrsToList (
      _: file:
      lib.nameValuePair file.path (
        if file.text != null then { content = file.text; } else { inherit (file) source; }
      )
    ) (lib.filterAttrs (_: file: file.enable) s.config.configData);
in
{
  # modules by name -> { services; extraFiles; } for mkGuest.
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
          { modularServices = modules; }
        ];
      };
      all = flatten "" "modularServices" evaluated.config.modularServices;
      failed = lib.concatMap (
        s: map (a: "${s.at}: ${a.message}") (lib.filter (a: !a.assertion) s.config.assertions)
      ) all;
      empty = lib.filter (s: s.config.process.argv == null && s.config.services == { }) all;
      warned = lib.concatMap (s: map (w: "${s.at}: ${w}") s.config.warnings) all;
      result = {
        services = lib.listToAttrs (map toService (lib.filter (s: s.config.process.argv != null) all));
        extraFiles = lib.listToAttrs (lib.concatMap toFiles all);
      };
    in
    if failed != [ ] then
      throw "mkGuest: ${lib.concatStringsSep "\n" failed}"
    else if empty != [ ] then
      throw "mkGuest: ${(lib.head empty).at}.process.argv: required, and not given"
    else
      lib.foldr lib.warn result warned;
}
