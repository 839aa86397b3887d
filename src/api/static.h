/* Pages for browsers: the files of ui/, out of the program itself; or from the folder that the setting ui_dir names, so
 * that work on them needs no new build. Public, revalidated with every use (ETag), under a policy that lets a page load
 * nothing from elsewhere and run no inline script. Handlers of the route table. */
#pragma once

#include "http/request.h"

#include <stdbool.h>

void static_page(struct request *req); /* "/docs", "/docs/…": ui/docs/index.html, by the first segment of the pattern */
void static_file(struct request *req); /* "/ui/{*path}": that file of ui/ */

/* The rules by themselves. */
const char *static_type(const char *path);             /* media type by suffix; NULL: not a kind that we serve */
bool static_accepts_gzip(const char *accept_encoding); /* may be NULL; RFC 9110 §12.5.3 */
bool static_etag_known(const char *if_none_match, const char *etag); /* weak comparison; may be NULL; "*" is any */
