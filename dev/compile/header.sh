#!/bin/sh
# @NAME@: a program and the runtime it needs, in one file. Built by `deno task compile`.
#
# This header is padded to @HEADER_BYTES@ bytes. Behind it lie two gzip streams: first the program (one JavaScript
# file, @PROGRAM_BYTES@ bytes), then the runtime (one native binary) up to the end of the file. At the first start
# both are unpacked into
#
#     ${XDG_CACHE_HOME:-$HOME/.cache}/chat-cluster/
#       runtime-<hash of the runtime>     shared by all programs built with the same runtime
#       @NAME@-<hash of the program>/     main.js, a link to the runtime, the runtime's own cache
#
# or, where that cannot be written, into ${TMPDIR:-/tmp}/chat-cluster-<uid>. Later starts only look and `exec`:
# pid, signals, exit code, standard streams and arguments are the program's own. The folder may be deleted at any
# time; the next start makes it anew.
#
# Each file is written under another name, synced and renamed: under its final name it is whole or absent, whoever
# starts simultaneously or is killed half way. It is named for its content, so it does not matter who comes last.
#
# Needs: sh, tail, head, gzip, mktemp, mkdir, chmod, ln, mv, rm, id. Variables begin with _cs_ because a plain name could
# be one that the caller has exported, and assigning would change what the program sees.

_cs_name='@NAME@'
_cs_newline='
'
_cs_runtime='runtime-@RUNTIME_HASH@'
_cs_program='@NAME@-@PROGRAM_HASH@'

# _cs_set PLACE: everything is there, and nobody else can have put it there.
_cs_set() {
  [ -O "$1" ] && _cs_whole "$1/$_cs_program/$_cs_name" && [ -s "$1/$_cs_program/main.js" ]
}

# _cs_whole FILE: a runtime that can be executed. (A crash of the machine can empty a file that was just written.)
_cs_whole() {
  [ -f "$1" ] && [ -s "$1" ] && [ -x "$1" ]
}

# _cs_unpack PLACE: runs in a subshell; says on standard error what went wrong.
_cs_unpack() {
  umask 077
  unset GZIP
  mkdir -p "$1" || return
  [ -O "$1" ] || { echo "$1 belongs to another user" >&2; return 1; }
  # What killed starts left behind an hour ago or earlier.
  find "$1" -maxdepth 1 -name 'unpack.*' -mmin +60 -exec rm -rf {} + 2>/dev/null
  _cs_new=$(mktemp -d "$1/unpack.XXXXXX") || return
  trap 'rm -rf "$_cs_new"' EXIT
  trap 'exit 1' HUP INT TERM
  case $0 in
    /*) _cs_self=$0 ;;
    */*) _cs_self=./$0 ;;
    *) if [ -f "$0" ]; then _cs_self=./$0; else _cs_self=$(command -v "$0"); fi ;;
  esac

  if ! _cs_whole "$1/$_cs_runtime"; then
    tail -c '+@RUNTIME_START@' "$_cs_self" | gzip -dc >"$_cs_new/runtime" || return
    chmod 700 "$_cs_new/runtime" && _cs_put "$_cs_new/runtime" "$1/$_cs_runtime" || return
  fi
  mkdir -p "$1/$_cs_program" || return
  # Standard error of tail: it may complain that head stopped reading.
  tail -c '+@PROGRAM_START@' "$_cs_self" 2>/dev/null | head -c '@PROGRAM_BYTES@' |
    gzip -dc >"$_cs_new/main.js" && _cs_put "$_cs_new/main.js" "$1/$_cs_program/main.js" || return
  # Started through a link of this name, the runtime is listed under it by ps, top and pgrep.
  ln -s "../$_cs_runtime" "$_cs_new/link" && _cs_put "$_cs_new/link" "$1/$_cs_program/$_cs_name"
}

# _cs_put FROM TO: renames, the content first brought to disk where `sync` can do that for one file. A folder in the
# way, into which mv would move instead, is nobody's and goes.
_cs_put() {
  if [ -f "$1" ]; then sync "$1" 2>/dev/null; fi
  if [ -d "$2" ]; then rm -rf "$2" || return; fi
  mv -f "$1" "$2"
}

# _cs_ready PLACE: unpacks there; if that fails, adds to $_cs_why why.
_cs_ready() {
  if [ -t 2 ]; then echo "$_cs_name: first start, unpacking into $1" >&2; fi
  if _cs_said=$(_cs_unpack "$1" 2>&1) && _cs_set "$1"; then return; fi
  # One line of it; gzip begins with an empty one.
  _cs_said=${_cs_said#"$_cs_newline"}
  _cs_said=${_cs_said%%"$_cs_newline"*}
  _cs_why="${_cs_why:+$_cs_why or into }$1 (${_cs_said:-files there cannot be executed})"
  return 1
}

# _cs_find: sets $_cs_place. The second place is looked at before anything is unpacked: if the first could not be used
# last time, this start should not have to find that out again.
_cs_find() {
  _cs_why=
  # The specification of XDG_CACHE_HOME says that a relative path is to be ignored.
  case ${XDG_CACHE_HOME:-} in /*) _cs_cache=$XDG_CACHE_HOME ;; *) _cs_cache=${HOME:+$HOME/.cache} ;; esac
  case $_cs_cache in /*) ;; *) _cs_cache= ;; esac
  if [ -n "$_cs_cache" ]; then
    _cs_place=$_cs_cache/chat-cluster
    _cs_set "$_cs_place" && return
  fi
  _cs_temporary=${TMPDIR:-/tmp}/chat-cluster-$(id -u)
  # Where everybody may write, a link could lead to any folder of this user.
  if [ -L "$_cs_temporary" ]; then
    _cs_why="$_cs_temporary (is a link)"
  elif _cs_set "$_cs_temporary"; then
    _cs_place=$_cs_temporary
    return
  fi
  if [ -n "$_cs_cache" ] && _cs_ready "$_cs_place"; then return; fi
  _cs_place=$_cs_temporary
  ! [ -L "$_cs_place" ] && _cs_ready "$_cs_place"
}

if ! _cs_find; then
  echo "$_cs_name: cannot unpack into $_cs_why" >&2
  exit 1
fi

# Settings meant for another Deno or Node.js would change how this one runs.
case $(export -p) in
  *DENO*=* | *NODE_*=*)
    for _cs_variable in $(export -p | sed -n -e 's/^export \(DENO_[A-Za-z0-9_]*\)=.*/\1/p' \
      -e 's/^export \(OTEL_DENO[A-Z_]*\)=.*/\1/p' -e 's/^export \(NODE_[A-Z0-9_]*\)=.*/\1/p'); do
      unset "$_cs_variable"
    done
    ;;
esac
# The runtime looks for .npmrc in the home folder and stops if that is a file.
if [ -e "${HOME:-}" ] && ! [ -d "$HOME" ]; then unset HOME; fi
export DENO_DIR="$_cs_place/$_cs_program/cache" DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1 DENO_DISABLE_NODE_SHIM=1

exec "$_cs_place/$_cs_program/$_cs_name" run --quiet --no-prompt --no-config --no-lock --no-remote --no-npm --no-check \
  @PERMISSIONS@ "$_cs_place/$_cs_program/main.js" "$@"
exit 1
