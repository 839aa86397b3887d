#!/bin/sh
# Makes the files of a folder part of the program: tools/embed.sh DIR OUT.c OUT.bin DEPFILE
# OUT.bin holds the bytes of all files, and of each its gzip form where that is worth it; OUT.c the table that finds them
# (struct embedded_file, src/api/embedded.h). Needs what every Debian has: find, awk, gzip, sha256sum. Left out: README.md,
# tests and what begins with a dot. Outputs that would not change are not touched.
set -eu
export LC_ALL=C
dir=$1 out_c=$2 out_bin=$3 depfile=$4
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

find "$dir" -name '.*' -prune -o -type d -print | sort >"$tmp/folders"
find "$dir" -name '.*' -prune -o -type f ! -name README.md ! -name '*.test.*' -print | sort >"$tmp/files"

: >"$tmp/bin"
: >"$tmp/rows"
offset=0
while IFS= read -r file; do
  name=${file#"$dir"/}
  case $name in *[!A-Za-z0-9._/-]*) echo "tools/embed.sh: $file: only letters, digits, dot, dash and underscore" >&2; exit 1 ;; esac
  hash=$(sha256sum <"$file" | cut -c1-24)
  size=$(wc -c <"$file")
  gzip -9nc "$file" >"$tmp/gz"
  gz=$(wc -c <"$tmp/gz")
  [ $((gz * 10)) -lt $((size * 9)) ] || { gz=0; : >"$tmp/gz"; }
  cat "$file" "$tmp/gz" >>"$tmp/bin"
  echo "$name $hash $offset $size $gz" >>"$tmp/rows"
  offset=$((offset + size + gz))
done <"$tmp/files"

awk -v bin="$(realpath -m "$out_bin")" '
BEGIN {
  print "/* Made by tools/embed.sh from ui/. */\n#include \"api/embedded.h\"\n"
  print "__asm__(\".pushsection .rodata,\\\"a\\\"\\n\"\n        \".balign 16\\n\""
  print "        \".globl embedded_bytes\\nembedded_bytes:\\n\""
  print "        \".incbin \\\"" bin "\\\"\\n\"\n        \".byte 0\\n.popsection\\n\");"
  print "extern const unsigned char embedded_bytes[];\n\nconst struct embedded_file embedded_files[] = {"
}
{ printf "    {\"%s\", \"W/\\\"%s\\\"\", embedded_bytes + %d, %d, embedded_bytes + %d, %d},\n", $1, $2, $3, $4, $3 + $4, $5 }
END { print "};\nconst size_t embedded_file_count = sizeof embedded_files / sizeof embedded_files[0];" }' "$tmp/rows" >"$tmp/c"

keep() { cmp -s "$1" "$2" || cp "$1" "$2"; }
keep "$tmp/bin" "$out_bin"
keep "$tmp/c" "$out_c"
# Folders too: a file that comes or goes changes its folder.
{ printf '%s:' "$out_c"; cat "$tmp/folders" "$tmp/files" | sed 's/ /\\ /g' | tr '\n' ' ' | sed 's/^/ /'; echo; } >"$depfile"
