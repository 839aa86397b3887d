/* Memory by talloc. Owns nothing but talloc's abort hook. Any thread, but a context and its children belong to one
 * thread at a time: talloc has no locks, so nothing of a thread is ever a child of something shared.
 * When memory ends the process ends: no caller sees NULL. */
#include "base/mem.h"

#include "base/fail.h"

#include <link.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void talloc_broke(const char *reason) {
  panic("talloc: %s", reason);
}

void mem_init(void) {
  talloc_set_abort_fn(talloc_broke);
  talloc_disable_null_tracking(); /* it would be a list shared by all threads */
}

static void *checked(void *block, size_t size) {
  if (!block) panic("out of memory: %zu bytes", size);
  return block;
}

void *mem_alloc_(const void *ctx, size_t size, const char *name) {
  return checked(talloc_named_const(ctx, size, name), size);
}

void *mem_zero_(const void *ctx, size_t size, const char *name) {
  void *block = mem_alloc_(ctx, size, name);
  memset(block, 0, size);
  return block;
}

void *mem_array_(const void *ctx, size_t size, size_t count, const char *name) {
  size_t total;
  if (__builtin_mul_overflow(size, count, &total)) panic("out of memory: %zu times %zu bytes", count, size);
  return mem_zero_(ctx, total, name);
}

char *mem_bytes(const void *ctx, size_t size) {
  return mem_alloc_(ctx, size, "bytes");
}

char *mem_strdup(const void *ctx, const char *text) {
  return text ? mem_strndup(ctx, text, strlen(text)) : NULL;
}

char *mem_strndup(const void *ctx, const char *text, size_t len) {
  char *copy = mem_alloc_(ctx, len + 1, "text");
  if (len) memcpy(copy, text, len);
  copy[len] = '\0';
  return copy;
}

char *mem_printf(const void *ctx, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = talloc_vasprintf(ctx, format, args);
  va_end(args);
  return checked(text, 0);
}

void *mem_pool(const void *parent, size_t size) {
  return checked(talloc_pool(parent, size), size);
}

void mem_free(void *ctx) {
  if (ctx) talloc_free(ctx);
}

static int give_back(struct dl_phdr_info *info, size_t size, void *page_size) {
  (void)size;
  uintptr_t page = *(const uintptr_t *)page_size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *h = &info->dlpi_phdr[i];
    if (h->p_type != PT_LOAD || (h->p_flags & PF_W)) continue;
    uintptr_t begin = (info->dlpi_addr + h->p_vaddr + page - 1) & ~(page - 1);
    uintptr_t end = (info->dlpi_addr + h->p_vaddr + h->p_memsz) & ~(page - 1);
    if (end > begin) madvise((void *)begin, end - begin, MADV_DONTNEED);
  }
  return 0;
}

void mem_after_start(void) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  malloc_trim(0);
  dl_iterate_phdr(give_back, &page);
}
