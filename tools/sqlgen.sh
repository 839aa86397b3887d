#!/bin/sh
# Turns sql/queries/*.sql and sql/migrate/*.sql into C: tools/sqlgen.sh header|source FILES… > out
# A statement begins with a line `-- name: some_name`; it becomes Q_SOME_NAME. Variants for one engine are marked
# `-- name: some_name sqlite` and `-- name: some_name postgres` and stand next to each other.
# `-- name: some_name locks:a,b`: where many write at once, a writer locks the rows of these tables that it reads.
set -eu
what=$1
shift
awk -v what="$what" '
function quote(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
function flush_statement() {
  if (name == "") return
  sub(/[ \n;]+$/, "", text)
  if (!(name in seen)) { order[++count] = name; seen[name] = 1 }
  if (engine != "postgres") sqlite[name] = text
  if (engine != "sqlite") postgres[name] = text
  if (lock != "") locks[name] = lock
  name = ""; text = ""
}
FNR == 1 { flush_statement(); migration = 0
  if (FILENAME ~ /\/migrate\//) { migration = 1; m = FILENAME; sub(/.*\//, "", m); sub(/\.sql$/, "", m); mname[++migrations] = m } }
migration { mtext[migrations] = mtext[migrations] $0 "\n"; next }
/^-- name: / { flush_statement(); name = $3; engine = lock = ""
  for (i = 4; i <= NF; i++) if ($i ~ /^locks:/) lock = substr($i, 7); else engine = $i
  next }
/^--/ { next }
name != "" && NF { gsub(/^[ \t]+|[ \t]+$/, ""); text = text (text == "" ? "" : " ") $0 }
END {
  flush_statement()
  print "/* Made by tools/sqlgen.sh from sql/. */"
  if (what == "header") {
    print "#pragma once\nenum query {"
    for (i = 1; i <= count; i++) print "  Q_" toupper(order[i]) ","
    print "  Q_COUNT\n};"
    print "struct query_text {\n  const char *name;\n  const char *sqlite;\n  const char *postgres;\n  const char *locks; /* NULL: none */\n};"
    print "extern const struct query_text query_texts[Q_COUNT];"
    print "struct migration {\n  int number;\n  const char *name;\n  const char *sql;\n};"
    print "extern const struct migration migrations[];\nextern const int migration_count;"
    exit
  }
  print "#include \"store/queries.h\"\n\n#include <stddef.h>\n\nconst struct query_text query_texts[Q_COUNT] = {"
  for (i = 1; i <= count; i++) {
    n = order[i]
    print "  [Q_" toupper(n) "] = {" quote(n) ", " quote(sqlite[n]) ", " quote(postgres[n]) ", " (n in locks ? quote(locks[n]) : "NULL") "},"
  }
  print "};\n\nconst struct migration migrations[] = {"
  for (i = 1; i <= migrations; i++) {
    printf "  {%d, %s,\n", substr(mname[i], 1, 4) + 0, quote(mname[i])
    lines = split(mtext[i], line, "\n")
    for (j = 1; j <= lines; j++) if (line[j] != "") print "   " quote(line[j]) "\"\\n\""
    print "  },"
  }
  print "};\n\nconst int migration_count = " migrations ";"
}' "$@"
