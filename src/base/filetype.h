/* What a file is, judged by its first bytes. */
#pragma once

#include <stddef.h>

/* A MIME type such as "image/png"; "application/octet-stream" when it cannot be told. Looks at the first 64 KiB. The
 * text is the calling thread's and good until its next call. The first call reads the type database (some megabytes),
 * so programs that never ask never pay. */
const char *filetype_of(const void *bytes, size_t size);
