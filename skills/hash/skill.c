// The tools of the skill, over the functions of digests.c.
#include <stdlib.h>
#include <string.h>

#include "bindings/hash.h"
#include "digests.h"

typedef exports_ringfence_hash_digests_data_t data;
typedef exports_ringfence_hash_digests_digest_t digest;
typedef exports_ringfence_hash_digests_list_algorithm_t algorithms;
typedef exports_ringfence_hash_digests_list_digest_t digests;

typedef struct {
  const uint8_t *ptr;
  size_t len;
} bytes;

// Without memory there is no answer, not even an error: the run ends, and the host says of what.
static void *need(size_t size) {
  void *memory = malloc(size);
  if (!memory) __builtin_trap();
  return memory;
}

static bytes bytes_of(const data *from) {
  if (from->tag == EXPORTS_RINGFENCE_HASH_DIGESTS_DATA_TEXT) return (bytes){from->val.text.ptr, from->val.text.len};
  return (bytes){from->val.bytes.ptr, from->val.bytes.len};
}

static digest digest_of(hash_kind kind, const uint8_t *raw, size_t len) {
  static const char digits[] = "0123456789abcdef";
  uint8_t *hex = need(2 * len);
  for (size_t i = 0; i < len; i++) {
    hex[2 * i] = (uint8_t)digits[raw[i] >> 4];
    hex[2 * i + 1] = (uint8_t)digits[raw[i] & 15];
  }
  return (digest){.algorithm = (uint8_t)kind, .hex = {hex, 2 * len}};
}

void exports_ringfence_hash_digests_hash(data *from, algorithms *wanted, digests *ret) {
  uint8_t raw[HASH_LONGEST];
  const bytes given = bytes_of(from);
  ret->len = wanted->len;
  ret->ptr = NULL;
  if (wanted->len > 0) {
    if (wanted->len > SIZE_MAX / sizeof *ret->ptr) __builtin_trap();
    ret->ptr = need(wanted->len * sizeof *ret->ptr);
  }
  for (size_t i = 0; i < wanted->len; i++) {
    const hash_kind kind = (hash_kind)wanted->ptr[i];
    hash_state state;
    hash_begin(&state, kind);
    hash_add(&state, given.ptr, given.len);
    ret->ptr[i] = digest_of(kind, raw, hash_end(&state, raw));
  }
}

static size_t keyed(hash_kind kind, const uint8_t *key, uint8_t with, bytes message, uint8_t *raw) {
  uint8_t block[HASH_LONGEST_BLOCK];
  const size_t size = hash_block_size(kind);
  for (size_t i = 0; i < size; i++) block[i] = key[i] ^ with;
  hash_state state;
  hash_begin(&state, kind);
  hash_add(&state, block, size);
  hash_add(&state, message.ptr, message.len);
  return hash_end(&state, raw);
}

bool exports_ringfence_hash_digests_hmac(data *key, data *message, exports_ringfence_hash_digests_algorithm_t algorithm,
                                         digest *ret, exports_ringfence_hash_digests_mac_error_t *err) {
  const hash_kind kind = (hash_kind)algorithm;
  if (kind == HASH_CRC32) {
    *err = EXPORTS_RINGFENCE_HASH_DIGESTS_MAC_ERROR_NOT_CRYPTOGRAPHIC;
    return false;
  }
  // A key longer than a block is hashed first.
  uint8_t short_key[HASH_LONGEST_BLOCK] = {0}, raw[HASH_LONGEST];
  const bytes given = bytes_of(key);
  if (given.len > hash_block_size(kind)) {
    hash_state state;
    hash_begin(&state, kind);
    hash_add(&state, given.ptr, given.len);
    const size_t len = hash_end(&state, raw);
    memcpy(short_key, raw, len);
  } else if (given.len > 0) {
    memcpy(short_key, given.ptr, given.len);
  }
  uint8_t inner[HASH_LONGEST];
  const size_t len = keyed(kind, short_key, 0x36, bytes_of(message), inner);
  *ret = digest_of(kind, raw, keyed(kind, short_key, 0x5c, (bytes){inner, len}, raw));
  return true;
}
