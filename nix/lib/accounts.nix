# SPDX-License-Identifier: MIT
#
# Users and groups of a guest: ids, /etc/passwd and /etc/group.
#
# Ids that are part of the interface with the guest's programs: the service group and its user are
# 900, the agent's user is 901. Ids from 1000 are given to users in the order of their names, as
# the place in that order says where that is free, so that an existing data drive keeps its owners.
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    elem
    filter
    foldl'
    hasAttr
    head
    listToAttrs
    map
    toString
    ;
  inherit (import ./text.nix) alternatives imap optional;

  serviceId = 900;
  agentId = 901;
  agentName = "mvm-agent";

  reservedUsers = [
    "root"
    "nobody"
    agentName
  ];
  reservedGroups = [
    "root"
    "nogroup"
    agentName
  ];
  noLogin = [
    "nobody"
    agentName
  ];
  reservedIds = [
    serviceId
    agentId
  ];
in
rec {
  inherit
    serviceId
    agentId
    agentName
    reservedUsers
    ;

  # Who may be named by `users.<n>`, services and checks: what is wrong with the declarations.
  errors =
    { serviceGroup, users }:
    let
      names = attrNames users;
      explicit = filter (n: users.${n}.uid != null) names;
      at = n: "users.${n}";
      isPlain =
        home:
        home == "/"
        || builtins.match "(.*/)?[.]{0,2}(/.*)?" (builtins.substring 1 (-1) home) == null
          && builtins.match ".*[\"\\].*" home == null;
      sameUid = n: filter (m: m != n && users.${m}.uid == users.${n}.uid) explicit;
    in
    optional (elem serviceGroup (
      reservedUsers ++ reservedGroups
    )) "serviceGroup: ${serviceGroup} is a name of the image's own; choose another"
    ++ concatMap (
      n:
      optional (elem n reservedUsers) "${at n}: the image has a user of this name already"
      ++ optional (
        n == serviceGroup && users.${n}.group != null && users.${n}.group != serviceGroup
      ) "${at n}.group: ${n} is the service group's own user, so its group is ${serviceGroup}, not ${users.${n}.group}; leave the group out, or choose another serviceGroup"
      ++ optional (
        users.${n}.group != null && elem users.${n}.group reservedGroups
      ) "${at n}.group: ${users.${n}.group} is a group of the image's own; choose another"
      ++ optional (
        users.${n}.home != null && !(isPlain users.${n}.home)
      ) "${at n}.home: the path must not have \", \\ or empty, . or .. components"
    ) names
    ++ concatMap (
      n:
      optional (elem users.${n}.uid reservedIds && !(n == serviceGroup && users.${n}.uid == serviceId))
        "${at n}.uid: ${toString users.${n}.uid} belongs to ${
          if users.${n}.uid == serviceId then "the service group's user" else "the agent's user"
        }"
      # Once for each pair.
      ++ optional (
        sameUid n != [ ] && n < head (sameUid n)
      ) "${at n}.uid: ${toString users.${n}.uid} is also the uid of ${alternatives (sameUid n)}"
    ) explicit;

  # Assign ids. Returns { users.<n> = { uid, gid, group, home }; groups.<n> = { gid, members }; }
  # with the image's own users and groups among them.
  assign =
    { serviceGroup, users }:
    let
      # The service group's user may be among them, to say its uid or home. Its group is what it is.
      own = users.${serviceGroup} or { uid = null; home = null; };
      names = filter (n: n != serviceGroup) (attrNames users);
      ownUid = if own.uid != null then own.uid else serviceId;
      explicit = filter (n: users.${n}.uid != null) (attrNames users);
      taken = reservedIds ++ map (n: users.${n}.uid) explicit;
      nextFree = ids: id: if elem id ids then nextFree ids (id + 1) else id;
      uids =
        (foldl' (
          state: entry:
          if users.${entry.name}.uid != null then
            state
          else
            let
              uid = nextFree state.ids entry.wanted;
            in
            {
              ids = state.ids ++ [ uid ];
              found = state.found // {
                ${entry.name} = uid;
              };
            }
        ) { ids = taken; found = { }; } (imap (i: name: { inherit name; wanted = 1000 + i; }) names)).found;
      uidOf = n: if users.${n}.uid != null then users.${n}.uid else uids.${n};
      groupOf = n: if users.${n}.group != null then users.${n}.group else n;

      ownGroups = builtins.filter (g: g != serviceGroup) (attrNames (
        listToAttrs (map (n: { name = groupOf n; value = null; }) names)
      ));
      # A group has the id of the user that it is named after, else of its first member, where that
      # user's id is not the id of the user's own group.
      gids = foldl' (
        state: g:
        let
          members = filter (n: groupOf n == g) names;
          wanted = if hasAttr g users then uidOf g else uidOf (head members);
          ids = reservedIds ++ builtins.attrValues state;
          others = map uidOf (filter (n: elem n ownGroups && n != g) names);
        in
        state // { ${g} = nextFree (ids ++ others) wanted; }
      ) { } ownGroups;
      gidOf = g: if g == serviceGroup then serviceId else gids.${g};
    in
    {
      users =
        {
          root = { uid = 0; gid = 0; group = "root"; home = "/root"; };
          ${serviceGroup} = {
            uid = ownUid;
            gid = serviceId;
            group = serviceGroup;
            home = if own.home != null then own.home else "/home/${serviceGroup}";
          };
          ${agentName} = { uid = agentId; gid = agentId; group = agentName; home = "/"; };
          nobody = { uid = 65534; gid = 65534; group = "nogroup"; home = "/"; };
        }
        // builtins.mapAttrs (n: u: {
          uid = uidOf n;
          gid = gidOf (groupOf n);
          group = groupOf n;
          home = if u.home != null then u.home else "/home/${n}";
        }) (builtins.removeAttrs users [ serviceGroup ]);
      groups =
        {
          root = { gid = 0; members = [ ]; };
          ${serviceGroup} = { gid = serviceId; members = names; };
          ${agentName} = { gid = agentId; members = [ ]; };
          nogroup = { gid = 65534; members = [ ]; };
        }
        // builtins.mapAttrs (_: gid: { inherit gid; members = [ ]; }) gids;
    };

  # /etc/passwd, in the order of the ids. passwd(5).
  passwd =
    { shell, accounts }:
    let
      name = byId "uid" accounts.users;
    in
    concatStringsSep "" (
      map (
        n:
        let
          u = accounts.users.${n};
        in
        "${n}:x:${toString u.uid}:${toString u.gid}:${n}:${u.home}:${
            if builtins.elem n noLogin then "/sbin/nologin" else shell
          }\n"
      ) name
    );

  # /etc/group, in the order of the ids. group(5).
  group =
    accounts:
    concatStringsSep "" (
      map (
        n:
        let
          g = accounts.groups.${n};
        in
        "${n}:x:${toString g.gid}:${concatStringsSep "," g.members}\n"
      ) (byId "gid" accounts.groups)
    );

  byId = id: set: builtins.sort (a: b: set.${a}.${id} < set.${b}.${id}) (attrNames set);
}
