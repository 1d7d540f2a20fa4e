#!/bin/sh
# Stands in for systemctl where no systemd runs: knows one service at a time by its unit, and starts it as its user.
case "${2:-}" in *.service) name="${2%.service}" ;; esac
unit="/etc/systemd/system/${name:-none}.service"
wants="/etc/systemd/system/multi-user.target.wants/${name:-none}.service"
state="/run/stand-in/${name:-none}"
says() { sed -n "s/^$1=//p" "$unit"; }
runs() { [ -s "$state" ] && [ -d "/proc/$(cat "$state")" ]; }
stop() {
  runs || return 0
  pid=$(cat "$state")
  kill "$pid"
  n=0
  while [ -d "/proc/$pid" ] && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
  rm -f "$state"
}
start() {
  mkdir -p /run/stand-in
  command=$(says ExecStart)
  user=$(says User)
  cd "$(says WorkingDirectory)" || exit 1
  setsid setpriv --reuid "$user" --regid "$(id -gn "$user")" --init-groups \
    sh -c "exec env HOME=/nonexistent $command" </dev/null >/run/stand-in/log 2>&1 &
  echo $! >"$state"
  program="${command%% *}"
  address=$(echo "$command" | sed -n 's/.*--kafka \([^ ]*\).*/\1/p')
  n=0
  while [ "$n" -lt 60 ]; do
    if ! runs; then cat /run/stand-in/log >&2; rm -f "$state"; exit 1; fi
    if "$program" wait ready -q -b "$address" --timeout 1s 2>/dev/null; then exit 0; fi
    n=$((n + 1))
  done
  exit 1
}
case "$1" in
  is-system-running) echo running ;;
  is-active) if runs; then echo active; else echo inactive; exit 3; fi ;;
  is-enabled) if [ -e "$wants" ]; then echo enabled; else echo disabled; exit 1; fi ;;
  daemon-reload) ;;
  enable) mkdir -p "${wants%/*}"; ln -sf "$unit" "$wants" ;;
  disable) rm -f "$wants" ;;
  stop) stop ;;
  start | restart) stop; start ;;
  *) echo "the stand-in does not know $1" >&2; exit 1 ;;
esac
