/* Writes of SQLite's log gathered: SQLite writes each page of a commit in two pieces; this VFS keeps contiguous pieces
 * in memory and hands them to the kernel at the sync, as one write. Nothing is ever told to be on disk before: a sync
 * first writes what was kept, and fails if that fails. */
#pragma once

struct sqlite3;

/* Registers the VFS (once; any thread before the first connection) and returns its name for sqlite3_open_v2. */
const char *sqlite_log_vfs(void);
/* Lets go of what is kept. When a transaction has ended: its pages of the log, if any are kept still, are those of an
 * undone one, and their place in the log may be another program's by now. */
void sqlite_log_forget(struct sqlite3 *handle);
