/* Files that a user names on the command line: read whole, at most 64 MiB each. The type is guessed from the name; the
 * server looks at the content itself. */
#include "cli/file.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

static int read_all(FILE *in, struct buf *b) {
  char block[65536];
  size_t n;
  while ((n = fread(block, 1, sizeof block, in)) > 0) buf_put(b, block, n);
  return ferror(in) ? errno : 0;
}

int file_read(void *ctx, const char *flag, const char *path, char **ret_bytes, size_t *ret_len) {
  FILE *in = fopen(path, "re");
  if (!in)
    return cli_fail(errno == ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "--%s: cannot read %s: %s", flag, path,
                    strerror(errno));
  struct buf b;
  buf_init(&b, ctx, 65536, FILE_READ_MAX);
  int wrong = read_all(in, &b);
  fclose(in);
  if (wrong) return cli_fail(CLI_FAILED, "--%s: cannot read %s: %s", flag, path, strerror(wrong));
  if (b.failed) return cli_fail(CLI_REFUSED, "--%s: %s is larger than %d MiB", flag, path, FILE_READ_MAX >> 20);
  *ret_bytes = b.data;
  *ret_len = b.len;
  return CLI_OK;
}

const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

const char *file_type(const char *path) {
  static const struct {
    const char *ending, *type;
  } types[] = {
      {"csv", "text/csv"},        {"gif", "image/gif"},         {"html", "text/html"},      {"jpeg", "image/jpeg"},
      {"jpg", "image/jpeg"},      {"json", "application/json"}, {"m4a", "audio/mp4"},       {"mp3", "audio/mpeg"},
      {"mp4", "video/mp4"},       {"ogg", "audio/ogg"},         {"pdf", "application/pdf"}, {"png", "image/png"},
      {"svg", "image/svg+xml"},   {"txt", "text/plain"},        {"webm", "video/webm"},     {"webp", "image/webp"},
      {"zip", "application/zip"},
  };
  const char *dot = strrchr(file_name(path), '.');
  for (size_t i = 0; dot && i < ARRAY_LEN(types); i++) {
    if (text_equal_nocase(dot + 1, types[i].ending)) return types[i].type;
  }
  return "application/octet-stream";
}

int file_each_given(const struct cli_args *args, void (*put)(struct jw *w, int index, const struct file_given *f),
                    struct jw *w) {
  for (int i = 0; i < cli_count(args, "file"); i++) {
    const char *path = cli_text_at(args, "file", i);
    char *bytes = NULL;
    size_t len = 0;
    int code = file_read(cli_ctx(args), "file", path, &bytes, &len);
    if (code != CLI_OK) return code;
    put(w, i, &(struct file_given){file_name(path), file_type(path), bytes, len});
    mem_free(bytes);
  }
  return CLI_OK;
}
