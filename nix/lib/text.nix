# SPDX-License-Identifier: MIT
#
# String functions that the checks and the generated files need, with builtins only.
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    foldl'
    genList
    head
    isAttrs
    isBool
    isFloat
    isFunction
    isInt
    isList
    isPath
    isString
    length
    mapAttrs
    match
    replaceStrings
    sort
    stringLength
    substring
    tail
    toJSON
    toString
    unsafeDiscardStringContext
    ;
in
rec {
  # The characters (bytes) of `text`.
  characters = text: genList (i: substring i 1 text) (stringLength text);

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;

  # `text` without white space (as isspace(3) has it) at either end. Its string context is kept.
  trim =
    text:
    let
      blank = c: builtins.elem c (characters " \t\n\r" ++ builtins.fromJSON ''["\u000b", "\u000c"]'');
      bytes = characters (unsafeDiscardStringContext text);
      count = length bytes;
      first = i: if i < count && blank (elemAt bytes i) then first (i + 1) else i;
      last = i: if i > 0 && blank (elemAt bytes (i - 1)) then last (i - 1) else i;
      start = first 0;
    in
    substring start (last count - start) text;

  lines = text: filter isString (builtins.split "\n" text);

  # Lower case of ASCII letters.
  toLower = replaceStrings (characters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (
    characters "abcdefghijklmnopqrstuvwxyz"
  );

  toUpper = replaceStrings (characters "abcdefghijklmnopqrstuvwxyz") (
    characters "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
  );

  # What a message says behind its first ";": what to write instead. "" if nothing.
  hintOf =
    message:
    let
      parts = match "[^;]*; (.*)" message;
    in
    if parts == null then "" else head parts;

  # How many insertions, deletions and replacements turn `a` into `b` (Levenshtein distance).
  distance =
    a: b:
    let
      as = characters a;
      bs = characters b;
      minimum = foldl' (x: y: if y < x then y else x);
      # From the row for a prefix of `a`, the row for the prefix that is one character longer.
      nextRow =
        row: c:
        foldl' (
          done: i:
          let
            cost = minimum (elemAt row (i + 1) + 1) [
              (elemAt done i + 1)
              (elemAt row i + (if c == elemAt bs i then 0 else 1))
            ];
          in
          builtins.seq cost (done ++ [ cost ])
        ) [ (head row + 1) ] (genList (i: i) (length bs));
    in
    elemAt (foldl' nextRow (genList (i: i) (length bs + 1)) as) (length bs);

  # The element of `names` that `name` most likely misspells, or null.
  closest =
    name: names:
    let
      letters = word: sort (a: b: a < b) (characters (toLower word));
      # Letters in another order are one mistake.
      mistakes =
        candidate:
        if letters candidate == letters name then 1 else distance (toLower name) (toLower candidate);
      limit = if stringLength name < 5 then 1 else 1 + stringLength name / 5;
      near = filter (n: n.distance <= limit) (
        map (candidate: {
          inherit candidate;
          distance = mistakes candidate;
        }) names
      );
    in
    if near == [ ] then null else (head (sort (a: b: a.distance < b.distance) near)).candidate;

  # "a", "a or b", "a, b or c".
  alternatives =
    words:
    if length words < 2 then
      concatStringsSep "" words
    else
      concatStringsSep ", " (genList (elemAt words) (length words - 1))
      + " or "
      + elemAt words (length words - 1);

  isDerivation = value: isAttrs value && value.type or null == "derivation";

  # True if `value` is what lib.mkIf, mkForce, mkDefault, mkMerge and their kind make.
  isProperty =
    value:
    isAttrs value && builtins.elem (value._type or null) [ "if" "override" "merge" "order" ];

  # True if `value` is an attribute set, and not a package.
  isSet = value: isAttrs value && !(isDerivation value);

  # `old` with what `new` changes: sets in sets are merged, packages and all else replaced. (Two
  # packages that are merged make one with the first one's outputs and the second one's path.)
  mergeSets =
    old: new:
    old
    // mapAttrs (
      name: value:
      if isSet value && isSet (old.${name} or null) then mergeSets old.${name} value else value
    ) new;

  # The path of a package's main program; null if the package does not name one. A package
  # names it as meta.mainProgram; one that writeScript and its kind make is the program itself.
  mainProgram =
    package:
    if package ? meta.mainProgram then
      "${package.bin or package}/bin/${package.meta.mainProgram}"
    else if package ? text && package.destination or "" == "" then
      "${package}"
    else
      null;

  # A value in the form of error messages: short, on one line.
  show =
    value:
    let
      text =
        if isString value || isInt value || isBool value || value == null then
          toJSON (if isString value then unsafeDiscardStringContext value else value)
        else if isFloat value then
          toJSON value
        else if isPath value then
          "the path ${toString value}"
        else if isFunction value then
          "a function"
        else if isDerivation value then
          "the package ${value.name or "(no name)"}"
        else if isProperty value then
          "lib.${
            {
              "if" = "mkIf";
              merge = "mkMerge";
              order = "mkOrder";
              override = if value.priority == 50 then "mkForce" else if value.priority == 1000 then "mkDefault" else "mkOverride";
            }
            .${value._type}
          } ..."
        else if isList value then
          if value == [ ] then "an empty list" else "a list that starts with ${show (head value)}"
        else
          let
            names = builtins.attrNames value;
          in
          if names == [ ] then "{ }" else "{ ${concatStringsSep "; " names}; }";
    in
    if stringLength text > 120 then substring 0 117 text + "..." else text;

  isName = pattern: value: isString value && match pattern value != null;

  # The integer of a text of decimal digits; null if it is far above 64 bits.
  integer =
    digits:
    let
      significant = head (match "0*([0-9]+)" digits);
    in
    if stringLength significant > 18 then null else builtins.fromJSON significant;

  # `values` in order, without duplicates.
  unique =
    values: foldl' (seen: v: if builtins.elem v seen then seen else seen ++ [ v ]) [ ] values;

  # The elements that occur more than once, each once.
  duplicates =
    values: unique (filter (v: length (filter (w: w == v) values) > 1) values);

  # Fold over a list with an index.
  imap =
    f: values:
    genList (i: f i (elemAt values i)) (length values);

  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: values: if condition then values else [ ];
  optionalString = condition: text: if condition then text else "";
  rest = tail;
}
