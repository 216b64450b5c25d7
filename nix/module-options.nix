# SPDX-License-Identifier: MIT
#
# The options of mkGuest (lib/options.nix) as options of the module system: { moduleOption;
# moduleOptions; withoutNull; }. The table has its own types (lib/types.nix); here they become those
# of nixpkgs' lib, whose errors name the option, the given value and the accepted ones.
{ lib }:
let
  inherit (lib) mkOption types;

  # A submodule that takes no text, which would be the path of a module to read, and no package: both
  # are what somebody gave in place of { command = ...; }. The type is made again with the options of
  # other declarations.
  onlySets =
    type:
    types.addCheck type (value: !(builtins.isString value || lib.isDerivation value))
    // {
      description = "a set of options";
      descriptionClass = "composite";
      substSubModules = modules: onlySets (type.substSubModules modules);
    };

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
      submodule = onlySets (types.submodule { options = moduleOptions t.options; });
    }
    .${t.kind};

  # An option of the table.
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

  # A table of options, by their names.
  moduleOptions =
    table:
    builtins.listToAttrs (
      map (o: {
        inherit (o) name;
        value = moduleOption o;
      }) table
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
  inherit moduleOption moduleOptions withoutNull;
}
