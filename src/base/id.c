/* Ids that rise over the whole process. Owns the last (millisecond, counter) pair given out, one atomic.
 * Any thread, lock-free. Never waits for the clock: when it stands or goes back, the counter runs on, into the
 * following milliseconds if it must. */
#include "base/id.h"

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"

#include <stdatomic.h>
#include <string.h>

#define EPOCH_MS     INT64_C(1577836800000) /* 2020-01-01 */
#define COUNTER_BITS 16
#define NODE_BITS    5
#define TIME_SHIFT   (COUNTER_BITS + NODE_BITS)
#define COUNTER_MASK ((INT64_C(1) << COUNTER_BITS) - 1)
#define TIME_MAX     ((INT64_C(1) << 42) - 1)

static _Atomic int64_t last_tick; /* milliseconds since EPOCH_MS << COUNTER_BITS | counter */
static int64_t node_bits;

void id_init(int node, int64_t floor) {
  invariant(node >= 0 && node < 1 << NODE_BITS && floor >= 0);
  node_bits = (int64_t)node << COUNTER_BITS;
  /* The floor may come from a node with a higher number: its whole millisecond counts as used. */
  atomic_store(&last_tick, floor ? (floor >> TIME_SHIFT) << COUNTER_BITS | COUNTER_MASK : 0);
}

int64_t id_next(void) {
  int64_t ms = clock_wall_ms() - EPOCH_MS;
  int64_t now = ms < 0 ? 0 : (ms > TIME_MAX ? TIME_MAX : ms) << COUNTER_BITS;
  int64_t last = atomic_load_explicit(&last_tick, memory_order_relaxed);
  int64_t tick;
  do {
    tick = last < now ? now : last + 1;
  } while (!atomic_compare_exchange_weak_explicit(&last_tick, &last, tick, memory_order_relaxed, memory_order_relaxed));
  invariant(tick >> COUNTER_BITS <= TIME_MAX);
  return (tick >> COUNTER_BITS) << TIME_SHIFT | node_bits | (tick & COUNTER_MASK);
}

int64_t id_time_ms(int64_t id) {
  return (id >> TIME_SHIFT) + EPOCH_MS;
}

int64_t id_floor_at(int64_t wall_ms) {
  return wall_ms > EPOCH_MS ? ((wall_ms - EPOCH_MS) << TIME_SHIFT) - 1 : 0;
}

int64_t id_before(int64_t id, int64_t ms) {
  int64_t time_ms = (id >> TIME_SHIFT) - ms;
  return time_ms > 0 ? time_ms << TIME_SHIFT : 0;
}

static void put_hex(char *out, int digits, uint64_t n) {
  for (; digits; n >>= 4) out[--digits] = "0123456789abcdef"[n & 15];
}

char *id_format(int64_t instance, int64_t id, char out[static ID_HEX_LEN]) {
  put_hex(out, 8, (uint64_t)instance);
  put_hex(out + 8, 16, (uint64_t)id);
  out[ID_HEX_LEN - 1] = '\0';
  return out;
}

bool id_parse(const char *hex, int64_t *ret_instance, int64_t *ret_id) {
  uint8_t raw[12];
  if (strnlen(hex, ID_HEX_LEN) != ID_HEX_LEN - 1 || !hex_decode(hex, ID_HEX_LEN - 1, raw)) return false;
  if (raw[4] & 0x80) return false;
  uint64_t instance = 0;
  uint64_t id = 0;
  for (int i = 0; i < 4; i++) instance = instance << 8 | raw[i];
  for (int i = 4; i < 12; i++) id = id << 8 | raw[i];
  *ret_instance = (int64_t)instance;
  *ret_id = (int64_t)id;
  return true;
}

void id_random_hex(int bytes, char *out) {
  uint8_t raw[64];
  invariant(bytes > 0 && (size_t)bytes <= sizeof raw);
  random_bytes(raw, (size_t)bytes);
  hex_encode(raw, (size_t)bytes, out);
}
