/* Writes of SQLite's log gathered: SQLite writes each page of a commit in two pieces; this VFS keeps contiguous pieces
 * in memory and hands them to the kernel at the sync, as one write. Nothing is ever told to be on disk before: a sync
 * first writes what was kept, and fails if that fails. */
#pragma once

/* Registers the VFS (once; any thread before the first connection) and returns its name for sqlite3_open_v2. */
const char *sqlite_log_vfs(void);
