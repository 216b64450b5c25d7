# SPDX-License-Identifier: MIT
#
# The options of mkGuest as a module, for guests that are composed with lib.evalModules:
#
#   (lib.evalModules {
#     modules = [
#       mvm.modules.mvm.guest
#       { _module.args.pkgs = pkgs; }
#       { name = "web"; services.web.command = "..."; }
#     ];
#   }).config.image
#
# The table of options is lib/options.nix. This file translates its types into those of the module
# system, whose errors name the option, the given value and the accepted ones. mkGuest checks rules
# about several options together, as it does without modules.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  options = import ./lib/options.nix;

  # A type of the module system, described in the words of lib/types.nix.
  moduleType = t: bareType t // { description = t.doc; descriptionClass = "composite"; };

  bareType =
    t:
    {
      inherit (types) bool;
      string = types.str;
      line = types.singleLineStr;
      text = types.oneOf [
        types.singleLineStr
        types.bool
        types.int
        types.float
        types.path
      ];
      name = types.strMatching t.pattern;
      enum = types.enum t.values;
      int =
        if t.high != null then
          types.ints.between t.low t.high
        else if t.low == 0 then
          types.ints.unsigned
        else
          types.ints.positive;
      span = types.oneOf [
        types.ints.unsigned
        types.float
        (types.strMatching "[0-9]+([.][0-9]+)?(ms|s|min|h|d)?")
      ];
      size = types.either types.ints.unsigned (types.strMatching "[0-9]+[KMGT]?");
      setting = types.either types.int types.singleLineStr;
      either = types.either (moduleType (builtins.elemAt t.members 0)) (
        moduleType (builtins.elemAt t.members 1)
      );
      module = types.deferredModule;
      command = types.oneOf [
        types.package
        types.path
        types.str
        (types.listOf (
          types.oneOf [
            types.package
            types.path
            types.int
            types.str
          ]
        ))
      ];
      package = types.either types.package types.path;
      orPath = types.coercedTo (types.either types.package types.path) (value: {
        ${t.option} = value;
      }) (bareType t.form);
      list = types.listOf (moduleType t.element);
      attrs = types.attrsOf (moduleType t.element);
      submodule = types.submodule { options = moduleOptions t.options; };
    }
    .${t.kind};

  moduleOption =
    o:
    mkOption (
      {
        inherit (o) description;
        type =
          let
            type = moduleType o.type;
          in
          if o.required or false || o ? default then type else types.nullOr type;
      }
      // lib.optionalAttrs (!(o.required or false)) { default = o.default or null; }
      // lib.optionalAttrs (o ? defaultText) { defaultText = lib.literalMD o.defaultText; }
      // lib.optionalAttrs (o ? example) { example = lib.literalExpression o.example; }
    );

  moduleOptions =
    table:
    builtins.listToAttrs (
      map (o: {
        inherit (o) name;
        value = moduleOption o;
      }) table
    );

  names = builtins.filter (name: name == "cacert" || config.${name} != null) (
    map (o: o.name) options.guest
  );

  # What nobody gave is null to the module system; mkGuest takes what is there.
  withoutNull =
    value:
    if builtins.isAttrs value && !lib.isDerivation value then
      lib.mapAttrs (_: withoutNull) (lib.filterAttrs (_: v: v != null) value)
    else
      value;
in
{
  # Not for NixOS, whose options these would collide with.
  _class = "mvm";

  options = moduleOptions options.guest // {
    cacert = moduleOption (builtins.head (builtins.filter (o: o.name == "cacert") options.guest)) // {
      default = pkgs.cacert;
    };
    image = mkOption {
      description = "The image that mkGuest makes from the other options.";
      type = types.package;
      readOnly = true;
    };
  };

  config.image = (import ./. { inherit pkgs; }).lib.mkGuest (
    lib.genAttrs names (
      name: if name == "cacert" || name == "modularServices" then config.${name} else withoutNull config.${name}
    )
  );
}
