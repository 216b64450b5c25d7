# SPDX-License-Identifier: MIT
# Lines of "mvm-probe logs --json" as entries of the Journal Export Format, for
# systemd-journal-remote(8). A line without a time gets that of now. systemd 257 and later refuse an
# entry without the boot that it is of, which is not known here: this number stands for all of them.
def microseconds:
  if . == null then now * 1000000 | floor
  else ((.[:19] + "Z") | fromdate) * 1000000 + (.[20:23] | tonumber) * 1000
  end;

"__REALTIME_TIMESTAMP=\(.time | microseconds)
_BOOT_ID=2cb40f6767f9490a99dfe61891982d12
MESSAGE=\(if .lost then "some lines are missing: the guest no longer has them" else .line end)
PRIORITY=\(if .lost then 4 else 6 end)
SYSLOG_IDENTIFIER=\(.name)/\(.service)
MVM_VM=\(.name)
MVM_TARGET=\(.target)
MVM_SERVICE=\(.service)
MVM_POSITION=\(.position)

"
