/* The files of ui/, part of the program. The table is made by tools/embed.sh at build time, sorted by path (bytewise).
 */
#pragma once

#include <stddef.h>

struct embedded_file {
  const char *path; /* below ui/: "docs/index.html" */
  const char *etag; /* weak: the gzip form has the same */
  const unsigned char *bytes;
  size_t len;
  const unsigned char *gzip;
  size_t gzip_len; /* 0: not worth it */
};

extern const struct embedded_file embedded_files[];
extern const size_t embedded_file_count;
