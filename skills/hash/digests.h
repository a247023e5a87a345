// Hash functions over data that comes in pieces: begin, add as often as needed, end.
#ifndef DIGESTS_H
#define DIGESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// In the order of `enum algorithm` in wit/hash.wit.
typedef enum { HASH_CRC32, HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA512, HASH_BLAKE2B } hash_kind;

enum { HASH_LONGEST = 64, HASH_LONGEST_BLOCK = 128 };

typedef struct {
  hash_kind kind;
  uint64_t total;
  size_t held;
  uint64_t words[8];
  uint8_t block[HASH_LONGEST_BLOCK];
} hash_state;

// Bytes that are hashed at a time.
size_t hash_block_size(hash_kind kind);

void hash_begin(hash_state *state, hash_kind kind);
void hash_add(hash_state *state, const uint8_t *data, size_t len);

// Writes the digest, and gives its length in bytes.
size_t hash_end(hash_state *state, uint8_t digest[static HASH_LONGEST]);

#endif
