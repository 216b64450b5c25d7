# SPDX-License-Identifier: MIT
#
# The reference of mkGuest's options, from their table: { markdown; mdoc; }.
#
#   nix-instantiate --eval --json --strict nix/lib/reference.nix
#
# tests/nix/update-reference writes ../OPTIONS.md and ../../man/mvm-mkguest.5 from it.
let
  inherit (builtins)
    concatMap
    concatStringsSep
    filter
    map
    replaceStrings
    toJSON
    ;
  text = import ./text.nix;
  options = import ./options.nix;

  # The options of each value of an option that is a set of sets; null for others.
  submoduleOf =
    o:
    if o.type.kind != "attrs" then
      null
    else if o.type.element.kind == "orPath" then
      o.type.element.form
    else if o.type.element.kind == "submodule" then
      o.type.element
    else
      null;

  # The table of options in sections: those of the guest, and those of each thing that has a name.
  sections = [
    {
      title = "The guest";
      prefix = "";
      description = "Arguments of mkGuest.";
      options = options.guest;
    }
  ]
  ++ concatMap (
    o:
    if submoduleOf o != null then
      [
        {
          title = "${o.name}.<name>";
          prefix = "${o.name}.<name>.";
          inherit (o) description;
          inherit (submoduleOf o) options;
        }
      ]
    else
      [ ]
  ) options.guest;

  typeOf =
    o:
    if submoduleOf o != null then
      "an attribute set: see ${o.name}.<name>"
    else
      o.type.doc;

  defaultOf =
    o:
    if o.required or false then
      "required"
    else if o ? default then
      "`${toNix o.default}`"
    else
      o.defaultText;

  toNix =
    value:
    if value == { } then
      "{ }"
    else if value == [ ] then
      "[ ]"
    else
      toJSON value;

  # --- Markdown -------------------------------------------------------------------------------

  cell = replaceStrings [ "|" "<" ">" ] [ "\\|" "&lt;" "&gt;" ];
  code = t: "`${replaceStrings [ "|" ] [ "\\|" ] t}`";

  markdownRow =
    o:
    "| `${o.name}` | ${cell (typeOf o)} | ${cell (defaultOf o)} | ${cell o.description}${
      text.optionalString (o ? example) " Example: ${code o.example}"
    } |\n";

  markdownSection =
    s:
    "## ${cell s.title}\n\n${s.description}\n\n| option | type | default | meaning |\n|---|---|---|---|\n"
    + concatStringsSep "" (map markdownRow s.options);

  # --- mdoc(7) --------------------------------------------------------------------------------

  # Text in which no line is taken for a macro, and no backslash for an escape.
  roff =
    t:
    let
      escaped = replaceStrings [ "\\" "`" ] [ "\\e" "" ] t;
    in
    concatStringsSep "\n" (
      map (line: if builtins.match "[.'].*" line != null then "\\&" + line else line) (
        text.lines escaped
      )
    );

  # Sentences on lines of their own, as mdoc wants them.
  sentences = t: replaceStrings [ ". " ] [ ".\n" ] t;

  mdocOption = s: o: ''
    .It Ic ${s.prefix}${o.name}
    ${roff (sentences o.description)}
    .br
    Type: ${roff (typeOf o)}.
    Default: ${roff (defaultOf o)}.${
      text.optionalString (o ? example) "\n.br\nExample:\n.Li ${roff (toArgument o.example)}"
    }
  '';

  # One argument of a macro.
  toArgument = t: "\"${replaceStrings [ "\"" ] [ "\"\"" ] t}\"";

  mdocSection =
    s:
    ''
      .Ss ${s.title}
      ${roff (sentences s.description)}
      .Bl -tag -width Ds
    ''
    + concatStringsSep "" (map (mdocOption s) s.options)
    + ".El\n";
in
{
  markdown = ''
    <!-- SPDX-License-Identifier: MIT -->
    <!-- Generated from lib/options.nix by tests/nix/update-reference. -->
    # Options of mkGuest

    An option that is not known, or a value of another type, is an error of the evaluation that
    names the option. A value that is `null` counts as not given.

  ''
  + concatStringsSep "\n" (map markdownSection sections);

  mdoc = ''
    .\" SPDX-License-Identifier: MIT
    .\" Generated from nix/lib/options.nix by tests/nix/update-reference.
    .Dd November 23, 2026
    .Dt MVM-MKGUEST 5
    .Os
    .Sh NAME
    .Nm mvm-mkguest
    .Nd options of mkGuest, which makes images of microVM guests
    .Sh DESCRIPTION
    .Fn mkGuest
    is a function of the flake in
    .Pa nix/ .
    It makes a kernel and a root file system from a set of options.
    An option that is not known, or a value of another type, is an error of the evaluation that
    names the option.
    A value that is null counts as not given.
    .Sh OPTIONS
  ''
  + concatStringsSep "" (map mdocSection sections)
  + ''
    .Sh SEE ALSO
    .Xr mvm-init.ini 5 ,
    .Xr mvm-service 5 ,
    .Xr init 8 ,
    .Xr mvm-guest-agent 8
  '';
}
