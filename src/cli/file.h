/* Whole files, bounded, and what type a name suggests. */
#pragma once

#include "cli/cli.h"

#define FILE_READ_MAX (64 << 20)

/* Child of ctx, NUL behind. CLI_OK, or another code after saying why; `flag` names the flag it came from. */
int file_read(void *ctx, const char *flag, const char *path, char **ret_bytes, size_t *ret_len) MUST_CHECK;
const char *file_type(const char *path); /* "image/png"; "application/octet-stream" when the name says nothing */
const char *file_name(const char *path); /* behind the last slash */

/* The files of --file as members of the array that `w` is in: one call of `put` for each. */
struct file_given {
  const char *name, *type;
  const char *bytes;
  size_t len;
};
int file_each_given(const struct cli_args *args, void (*put)(struct jw *w, int index, const struct file_given *f),
                    struct jw *w) MUST_CHECK;
