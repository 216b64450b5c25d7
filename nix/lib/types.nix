# SPDX-License-Identifier: MIT
#
# The types of options. A type is a set:
#
#   kind    its name; nix/module.nix maps it to a type of the NixOS module system
#   doc     its description in the reference
#   check   path: value: list of error messages; empty if the value has this type
#   fill    value: the value, completed by defaults
#
# Builtins only, so that every rejection can be tested without nixpkgs.
let
  inherit (builtins)
    all
    attrNames
    concatMap
    concatStringsSep
    elem
    filter
    hasAttr
    head
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isPath
    isString
    length
    listToAttrs
    map
    mapAttrs
    match
    toJSON
    unsafeDiscardStringContext
    ;
  text = import ./text.nix;
  inherit (text)
    alternatives
    closest
    imap
    integer
    isDerivation
    isProperty
    isSet
    mainProgram
    optional
    optionals
    show
    trim
    ;

  words = import ./words.nix;
  otherNames = import ./other-names.nix;

  # The options that have the first word in common with a name that any has: of memoryLimit
  # memoryMax. Words have four letters or more.
  related =
    name: options:
    let
      parts =
        word:
        map text.toLower (
          filter (part: builtins.stringLength part >= 4) (
            concatMap (part: if isList part then part else [ ]) (builtins.split "([A-Z]?[a-z]+)" word)
          )
        );
      found = filter (list: list != [ ]) (
        map (part: filter (option: elem part (parts option)) options) (parts name)
      );
    in
    if found == [ ] then [ ] else head found;

  expected = path: what: value: expectedInstead path what value "";

  # The same, with what to write instead; `fix` may be "".
  expectedInstead =
    path: what: value: fix:
    let
      hint =
        if isProperty value then
          "mkGuest takes plain values: write lib.optionalAttrs or `if`, or use evalGuest, which takes modules"
        else
          fix;
    in
    [ "${path}: expected ${what}, got ${show value}${if hint == "" then "" else "; ${hint}"}" ];

  basic = kind: doc: ok: basicWith kind doc ok (_: "");

  # `fix value` is what to write instead of a wrong value, or "".
  basicWith = kind: doc: ok: fix: {
    inherit kind doc;
    check = path: value: if ok value then [ ] else expectedInstead path doc value (fix value);
    fill = value: value;
  };

  # Of a text that only differs in its writing from what is meant, what is meant; else "".
  rewritten = pattern: form: value: if text.isName pattern value then form (match pattern value) else "";

  # A key of an attribute set as part of a path; quoted unless it is an identifier.
  key = name: if match "[A-Za-z_][A-Za-z0-9_'-]*" name != null then name else toJSON name;

  join = path: name: if path == "" then key name else "${path}.${key name}";

  # Text that fits a file of key = value lines: one line, no white space at the ends.
  lineErrors =
    path: value:
    let
      plain = unsafeDiscardStringContext value;
    in
    if match "[^\n\r]*" plain == null then
      [ "${path}: the value must be one line, got ${show plain}" ]
    else
      optional (
        trim plain != plain
      ) "${path}: the value must not begin or end with white space, got ${show plain}";
in
rec {
  inherit join lineErrors;

  bool = basicWith "bool" "true or false" isBool (
    value:
    if elem value [ "true" "false" ] then
      "write it without quotes"
    else if elem value [ "yes" "on" 1 ] then
      "write true"
    else if elem value [ "no" "off" 0 ] then
      "write false"
    else
      ""
  );

  int =
    low: high:
    let
      doc =
        if high == null then
          "an integer, ${toString low} or more"
        else
          "an integer from ${toString low} to ${toString high}";
      ok = value: isInt value && value >= low && (high == null || value <= high);
    in
    basic "int" doc ok
    // {
      inherit low high;
      check =
        path: value:
        if ok value then
          [ ]
        else
          expectedInstead path doc value (
            if text.isName "-?[0-9]{1,18}" value then
              "write it without quotes"
            else if text.isName "[0-9]+ *[A-Za-z]+" value then
              "write the number alone, without quotes and unit"
            else
              ""
          );
    };

  # Any text, for JSON files.
  string = basic "string" "a string" isString;

  # Text for our line-based files.
  line = {
    kind = "line";
    doc = "a string of one line";
    check =
      path: value: if isString value then lineErrors path value else expected path line.doc value;
    fill = value: value;
  };

  # A line that matches a regular expression; `what` says which.
  name =
    pattern: what:
    basicWith "name" what
      (value: isString value && match pattern (unsafeDiscardStringContext value) != null)
      (
        value:
        if isInt value && match pattern (toString value) != null then
          "write it in quotes: \"${toString value}\""
        else if isPath value && match pattern (toString value) != null then
          "write a path of the guest in quotes"
        else
          ""
      )
    // {
      inherit pattern;
    };

  absolutePath = name "/[^\n\r]*[^ \t\n\r]|/" "an absolute path";

  enum =
    values:
    let
      doc = alternatives (map toJSON values);
      near =
        value:
        let
          plain = unsafeDiscardStringContext value;
          elsewhere = otherNames.values.${plain} or null;
        in
        if !isString value then
          null
        else if elsewhere != null && elem elsewhere values then
          elsewhere
        else
          closest plain values;
      advice =
        value:
        if near value != null then
          "did you mean ${toJSON (near value)}?"
        else if isString value && elem "oneshot" values then
          otherNames.serviceTypes.${unsafeDiscardStringContext value} or ""
        else
          "";
    in
    basic "enum" doc (value: elem value values)
    // {
      inherit values;
      check =
        path: value:
        if elem value values then
          [ ]
        else
          expectedInstead path doc value (advice value);
    };

  # The value of an environment variable. Numbers and booleans become text, a path is copied into
  # the store.
  text' = {
    kind = "text";
    doc = "a string of one line, a number, a boolean or a path";
    check =
      path: value:
      if isString value then
        lineErrors path value
      else
        optionals (!(isInt value || isFloat value || isBool value || isPath value)) (
          expectedInstead path text'.doc value (
            if value == null then
              "leave the variable out, or write \"\" for an empty one"
            else if isList value then
              "make one string of it: lib.concatStringsSep \" \" [ ... ]"
            else if isDerivation value then
              "write \"\${...}\" for the path of a package"
            else
              "write a string, builtins.toJSON { ... } for instance"
          )
        );
    fill =
      value:
      if isBool value then
        (if value then "true" else "false")
      else if isFloat value then
        toJSON value
      else if isInt value then
        toString value
      else
        "${value}";
  };

  # The value of a setting of the kernel.
  setting = {
    kind = "setting";
    doc = "an integer or a string of one line";
    check =
      path: value:
      if isString value && value == "" then
        [ "${path}: the value is empty; leave the setting out" ]
      else if isString value then
        lineErrors path value
      else
        optionals (!isInt value) (
          expectedInstead path setting.doc value (
            if isBool value then
              "write ${if value then "1" else "0"}"
            else if isList value then
              "write the numbers into one string, with spaces between them"
            else if isAttrs value then
              "put the whole name into quotes, as in sysctl.\"net.core.somaxconn\""
            else
              ""
          )
        );
    fill = value: if isInt value then toString value else value;
  };

  # A command of the guest: a command line, its words, or a package or path to run. `fill`
  # turns each into a command line.
  command =
    let
      doc = "a command line, a list of its words, or a package or path to run";
      program =
        path: package:
        optional (mainProgram package == null)
          "${path}: ${show package} does not say what its program is called (meta.mainProgram); write \"\${...}/bin/NAME\", or \"\${...}\" when it is a script itself";
      word =
        path: value:
        optionals (
          !(isString value || isInt value || isPath value || isDerivation value)
        ) (expectedInstead path "a word of a command line: a string, an integer, a path or a package" value "");
      first =
        path: value:
        if isDerivation value then
          program path value
        else if value == "" then
          [ "${path}: the command is empty" ]
        else
          optional (text.isName "[^/]*[ \t].*" (if isString value then unsafeDiscardStringContext value else value))
            "${path}: ${show value} cannot be the name of a program; a list has one word in each element, and a command line is a string";
      list =
        path: value:
        let
          wrong = builtins.concatLists (imap (i: v: word "${path}[${toString i}]" v) value);
        in
        if value == [ ] then
          [ "${path}: the command is empty" ]
        else if wrong != [ ] then
          wrong
        else
          first "${path}[0]" (builtins.head value);
      toWord = i: v: if i == 0 && isDerivation v then mainProgram v else if isInt v then toString v else "${v}";
    in
    {
      kind = "command";
      inherit doc;
      check =
        path: value:
        if isString value then
          optional (trim value == "") "${path}: the command is empty"
        else if isList value then
          list path value
        else if isDerivation value then
          program path value
        else
          optionals (!isPath value) (expected path doc value);
      fill =
        value:
        if isList value then
          words.join (imap toWord value)
        else if isDerivation value then
          mainProgram value
        else if isPath value then
          words.join [ "${value}" ]
        else
          value;
    };

  # A module for lib.evalModules, which checks it.
  module = basic "module" "a module: a set, a function or a file" (
    value: isSet value || builtins.isFunction value || isPath value || text.isName "/.*" value
  );

  # Values of a type for which `excess` is false; `words` describe the allowed values.
  within =
    form: excess: words:
    form
    // {
      check =
        path: value:
        let
          wrong = form.check path value;
        in
        if wrong == [ ] && excess value then [ "${path}: ${words}, got ${show value}" ] else wrong;
    };

  # A time span of at most `hours`.
  span =
    hours:
    let
      form =
        basicWith "span" "a time span: seconds, or text such as \"500ms\", \"10s\", \"2min\", \"1h\""
          (
            value:
            (isInt value && value >= 0)
            || (isFloat value && value >= 0)
            || text.isName spanPattern value
          )
          (rewritten "([0-9]+)() *(ms|msec|s|sec|secs|seconds?|m|mins?|minutes?|h|hours?|d|days?)" (
            parts:
            let
              unit = builtins.elemAt parts 2;
              letter = builtins.substring 0 1 unit;
            in
            "write \"${head parts}${
              if elem unit [ "ms" "msec" ] then "ms" else if letter == "m" then "min" else letter
            }\""
          ));
      most = hours * 3600000;
      tooLong = value: milliseconds value == null || milliseconds value > most;
    in
    within form tooLong "at most ${toString hours} h";

  spanPattern = "([0-9]+)([.]([0-9]+))?(ms|s|min|h|d)?";

  # A time span in milliseconds, as the guest reads it; null above every limit.
  milliseconds =
    value:
    let
      parts = match spanPattern value;
      unit =
        {
          ms = 1;
          s = 1000;
          min = 60000;
          h = 3600000;
          d = 86400000;
        }
        .${if builtins.elemAt parts 3 == null then "s" else builtins.elemAt parts 3};
      whole = integer (builtins.elemAt parts 0);
      digits = if builtins.elemAt parts 2 == null then "" else builtins.elemAt parts 2;
      thousandths = integer (builtins.substring 0 3 "${digits}000");
    in
    if isString value then
      if whole == null || whole > 1000000000000 / unit then
        null
      else
        whole * unit + thousandths * unit / 1000
    else if value > 1000000000 then
      null
    else
      builtins.floor (value * 1000 + 0.5);

  size =
    let
      form =
        basicWith "size" "a size: bytes, or text such as \"64K\", \"512M\", \"2G\""
          (value: (isInt value && value >= 0) || text.isName "[0-9]+[KMGT]?" value)
          (rewritten "([0-9]+) *([kKmMgGtT])(i?[bB])?" (
            parts: "write \"${head parts}${text.toUpper (builtins.elemAt parts 1)}\""
          ));
      tooLarge =
        value:
        let
          parts = match "([0-9]+)([KMGT]?)" value;
          n = integer (builtins.elemAt parts 0);
          unit =
            {
              "" = 1;
              K = 1024;
              M = 1048576;
              G = 1073741824;
              T = 1099511627776;
            }
            .${builtins.elemAt parts 1};
        in
        isString value && (n == null || n > 9223372036854775807 / unit);
    in
    within form tooLarge "at most 9223372036854775807 bytes";

  # One of two types; errors speak of both.
  either =
    a: b:
    {
      kind = "either";
      doc = "${a.doc}, or ${b.doc}";
      check =
        path: value:
        if a.check path value == [ ] || b.check path value == [ ] then
          [ ]
        else
          expectedInstead path "${a.doc}, or ${b.doc}" value (
            head (
              filter (hint: hint != "") (
                map (type: text.hintOf (head (type.check path value))) [
                  a
                  b
                ]
              )
              ++ [ "" ]
            )
          );
      fill = value: value;
      members = [
        a
        b
      ];
    };

  package =
    let
      doc = "a package or a store path";
      isStored = value: match "${builtins.storeDir}/.+" (unsafeDiscardStringContext value) != null;
      ok = value: isDerivation value || isPath value || (isString value && isStored value);
    in
    basic "package" doc ok
    // {
      check =
        path: value:
        if ok value then
          [ ]
        else
          expectedInstead path doc value (
            if text.isName "[A-Za-z_][A-Za-z0-9_.-]*" value then
              "write pkgs.${value}, without quotes"
            else if isString value && match "/.*" value != null then
              "write a path of this machine without quotes: it is then copied into the store"
            else if isList value then
              "join lists by ++, one does not go into another"
            else
              ""
          );
    };

  # A set of options, or a path or package alone, which stands for { ${option} = ...; }.
  orPath = option: form: {
    kind = "orPath";
    doc = "${form.doc}, or ${package.doc}";
    inherit option form;
    check =
      path: value:
      if package.check path value == [ ] then
        [ ]
      else if isAttrs value then
        form.check path value
      else
        expectedInstead path "${form.doc}, or ${package.doc}" value (
          if isString value && option == "source" then "write { content = ...; } for a text" else ""
        );
    fill =
      value:
      form.fill (if isAttrs value && !isDerivation value then value else { ${option} = value; });
  };

  listOf = element: {
    kind = "list";
    doc = "a list, each element ${element.doc}";
    inherit element;
    check =
      path: value:
      if isList value then
        builtins.concatLists (imap (i: v: element.check "${path}[${toString i}]" v) value)
      else
        expectedInstead path "a list, each element ${element.doc}" value (
          if element.check path value == [ ] then
            "write it in brackets: [ ... ]"
          else if element.kind == "package" && text.isName "[A-Za-z_][A-Za-z0-9_.-]*" value then
            "write [ pkgs.${value} ]"
          else
            ""
        );
    fill = value: map element.fill value;
  };

  # Names of the user's choice; `keys` is the type of the names, `of` what they are names of.
  attrsOf = of: keys: element: {
    kind = "attrs";
    doc = "an attribute set, each value ${element.doc}";
    inherit of keys element;
    check =
      path: value:
      if !(isSet value) || isProperty value then
        expectedInstead path "an attribute set, each value ${element.doc}" value (
          if isList value then "give each a name: { NAME = ...; }" else ""
        )
      else
        concatMap (
          n:
          map (_: "${join path n}: the name of ${of} must be ${keys.doc}, got ${toJSON n}") (
            keys.check "" n
          )
          ++ element.check (join path n) value.${n}
        ) (attrNames value);
    fill = value: mapAttrs (_: element.fill) value;
  };

  # A fixed set of options, each { name, type, description, and default or required }.
  submodule = submoduleOf { };

  # `advice` says of names that are no options here what to do instead.
  submoduleOf =
    advice: options:
    let
      names = map (o: o.name) options;
      needed = filter (o: o.required or false) options;
      checkOption =
        path: value: o:
        let
          at = join path o.name;
        in
        if !(hasAttr o.name value) then
          optional (o.required or false) "${at}: required, and not given"
        else if value.${o.name} == null && o.type.kind == "list" then
          expectedInstead at o.type.doc null "leave it out, or write [ ]"
        else if value.${o.name} == null && o.type.kind == "attrs" then
          expectedInstead at o.type.doc null "leave it out, or write { }"
        else if value.${o.name} == null && !(o.required or false) then
          [ ]
        else
          o.type.check at value.${o.name};
      unknown =
        path: n:
        let
          elsewhere = otherNames.names.${n} or null;
          near =
            if elsewhere != null && elem elsewhere names then elsewhere else closest n names;
          alike = related n names;
          has = if path == "" then "there are" else "${path} has";
        in
        "${join path n}: no such option; "
        + (
          if advice ? ${n} then
            advice.${n}
          else if near != null then
            "did you mean ${near}?"
          else if length alike == 1 then
            "did you mean ${head alike}?"
          else if length names <= 12 then
            "${has} ${concatStringsSep ", " names}"
          else
            (if alike == [ ] then "" else "${has} ${concatStringsSep ", " alike}; ")
            + "nix/OPTIONS.md and mvm-mkguest(5) have all ${toString (length names)}"
        );
    in
    {
      kind = "submodule";
      doc = "a set of options";
      inherit options;
      check =
        path: value:
        if !(isSet value) || isProperty value then
          expectedInstead (if path == "" then "the argument" else path) "an attribute set" value (
            if builtins.isFunction value then
              "call the function first: mkGuest (f { inherit pkgs; })"
            else if path == "" && value ? mvm then
              "it is an image already; its .extend { ... } makes another one"
            else if path != "" && value == null then
              "leave it out"
            else if path != "" && length needed == 1 && (head needed).type.check "" value == [ ] then
              "write { ${(head needed).name} = ...; }"
            else
              ""
          )
        else
          map (unknown path) (filter (n: !(elem n names)) (attrNames value))
          ++ concatMap (checkOption path value) options;
      # Afterwards every option has a value; null means "not given, and no default".
      fill =
        value:
        listToAttrs (
          map (o: {
            inherit (o) name;
            value =
              let
                given = value.${o.name} or null;
              in
              if given != null then o.type.fill given else o.default or null;
          }) options
        );
    };
}
