// CRC-32, MD5, SHA-1, SHA-256, SHA-512 and BLAKE2b, over data that comes in pieces.
#include "digests.h"

#include <string.h>

static uint32_t rotl32(uint32_t x, int n) { return x << n | x >> (32 - n); }
static uint32_t rotr32(uint32_t x, int n) { return x >> n | x << (32 - n); }
static uint64_t rotr64(uint64_t x, int n) { return x >> n | x << (64 - n); }

static uint64_t load(const uint8_t *at, int bytes, bool big) {
  uint64_t x = 0;
  for (int i = 0; i < bytes; i++) x = x << 8 | at[big ? i : bytes - 1 - i];
  return x;
}

static void store(uint8_t *at, uint64_t x, int bytes, bool big) {
  for (int i = 0; i < bytes; i++) at[big ? bytes - 1 - i : i] = (uint8_t)(x >> 8 * i);
}

static const uint32_t md5_start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
static const uint32_t sha1_start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

// The fractions of the square roots of the first primes. BLAKE2b begins with those of SHA-512.
static const uint32_t sha256_start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint64_t sha512_start[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

// The fractions of the cube roots of the first primes.
static const uint32_t sha256_round[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static const uint64_t sha512_round[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

// 2^32 |sin(i + 1)|
static const uint32_t md5_round[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
static const int md5_shift[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static const uint8_t blake2b_order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

// What four bits at the end of the register come to.
static const uint32_t crc32_step[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

static void crc32_bytes(hash_state *state, const uint8_t *data, size_t len) {
  uint32_t crc = (uint32_t)state->words[0];
  for (size_t i = 0; i < len; i++) {
    crc ^= data[i];
    crc = crc >> 4 ^ crc32_step[crc & 15];
    crc = crc >> 4 ^ crc32_step[crc & 15];
  }
  state->words[0] = crc;
}

static void md5_block(hash_state *state, const uint8_t *block) {
  uint32_t a = (uint32_t)state->words[0], b = (uint32_t)state->words[1], c = (uint32_t)state->words[2],
           d = (uint32_t)state->words[3];
  for (int i = 0; i < 64; i++) {
    uint32_t f;
    int g;
    if (i < 16) f = (b & c) | (~b & d), g = i;
    else if (i < 32) f = (d & b) | (~d & c), g = (5 * i + 1) % 16;
    else if (i < 48) f = b ^ c ^ d, g = (3 * i + 5) % 16;
    else f = c ^ (b | ~d), g = 7 * i % 16;
    f += a + md5_round[i] + (uint32_t)load(block + 4 * g, 4, false);
    a = d, d = c, c = b;
    b += rotl32(f, md5_shift[i / 16][i % 4]);
  }
  uint32_t next[4] = {a, b, c, d};
  for (int i = 0; i < 4; i++) state->words[i] = (uint32_t)(state->words[i] + next[i]);
}

static void sha1_block(hash_state *state, const uint8_t *block) {
  uint32_t w[80];
  for (int i = 0; i < 16; i++) w[i] = (uint32_t)load(block + 4 * i, 4, true);
  for (int i = 16; i < 80; i++) w[i] = rotl32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  uint32_t s[5];
  for (int i = 0; i < 5; i++) s[i] = (uint32_t)state->words[i];
  for (int i = 0; i < 80; i++) {
    uint32_t f, k;
    if (i < 20) f = (s[1] & s[2]) | (~s[1] & s[3]), k = 0x5a827999;
    else if (i < 40) f = s[1] ^ s[2] ^ s[3], k = 0x6ed9eba1;
    else if (i < 60) f = (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]), k = 0x8f1bbcdc;
    else f = s[1] ^ s[2] ^ s[3], k = 0xca62c1d6;
    uint32_t next = rotl32(s[0], 5) + f + s[4] + k + w[i];
    s[4] = s[3], s[3] = s[2], s[2] = rotl32(s[1], 30), s[1] = s[0], s[0] = next;
  }
  for (int i = 0; i < 5; i++) state->words[i] = (uint32_t)(state->words[i] + s[i]);
}

static void sha256_block(hash_state *state, const uint8_t *block) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = (uint32_t)load(block + 4 * i, 4, true);
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotr32(a, 7) ^ rotr32(a, 18) ^ a >> 3) + w[i - 7] + (rotr32(b, 17) ^ rotr32(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; i++) s[i] = (uint32_t)state->words[i];
  for (int i = 0; i < 64; i++) {
    uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]), majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    uint32_t one =
        s[7] + (rotr32(s[4], 6) ^ rotr32(s[4], 11) ^ rotr32(s[4], 25)) + choice + sha256_round[i] + w[i];
    uint32_t two = (rotr32(s[0], 2) ^ rotr32(s[0], 13) ^ rotr32(s[0], 22)) + majority;
    for (int j = 7; j > 0; j--) s[j] = s[j - 1];
    s[4] += one, s[0] = one + two;
  }
  for (int i = 0; i < 8; i++) state->words[i] = (uint32_t)(state->words[i] + s[i]);
}

static void sha512_block(hash_state *state, const uint8_t *block) {
  uint64_t w[80], s[8];
  for (int i = 0; i < 16; i++) w[i] = load(block + 8 * i, 8, true);
  for (int i = 16; i < 80; i++) {
    uint64_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotr64(a, 1) ^ rotr64(a, 8) ^ a >> 7) + w[i - 7] + (rotr64(b, 19) ^ rotr64(b, 61) ^ b >> 6);
  }
  memcpy(s, state->words, sizeof s);
  for (int i = 0; i < 80; i++) {
    uint64_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]), majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    uint64_t one =
        s[7] + (rotr64(s[4], 14) ^ rotr64(s[4], 18) ^ rotr64(s[4], 41)) + choice + sha512_round[i] + w[i];
    uint64_t two = (rotr64(s[0], 28) ^ rotr64(s[0], 34) ^ rotr64(s[0], 39)) + majority;
    for (int j = 7; j > 0; j--) s[j] = s[j - 1];
    s[4] += one, s[0] = one + two;
  }
  for (int i = 0; i < 8; i++) state->words[i] += s[i];
}

static void blake2b_mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y) {
  v[a] += v[b] + x, v[d] = rotr64(v[d] ^ v[a], 32);
  v[c] += v[d], v[b] = rotr64(v[b] ^ v[c], 24);
  v[a] += v[b] + y, v[d] = rotr64(v[d] ^ v[a], 16);
  v[c] += v[d], v[b] = rotr64(v[b] ^ v[c], 63);
}

// `total` counts the bytes up to the end of the block.
static void blake2b_block(hash_state *state, const uint8_t *block, uint64_t total, bool last) {
  uint64_t v[16], m[16];
  memcpy(v, state->words, 8 * sizeof *v);
  memcpy(v + 8, sha512_start, 8 * sizeof *v);
  v[12] ^= total;
  if (last) v[14] = ~v[14];
  for (int i = 0; i < 16; i++) m[i] = load(block + 8 * i, 8, false);
  for (int round = 0; round < 12; round++) {
    const uint8_t *order = blake2b_order[round % 10];
    for (int i = 0; i < 4; i++) blake2b_mix(v, i, 4 + i, 8 + i, 12 + i, m[order[2 * i]], m[order[2 * i + 1]]);
    for (int i = 0; i < 4; i++) {
      blake2b_mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[order[8 + 2 * i]],
                  m[order[9 + 2 * i]]);
    }
  }
  for (int i = 0; i < 8; i++) state->words[i] ^= v[i] ^ v[i + 8];
}

// In the order of hash_kind.
static const struct {
  int block, digest, word, words;
  bool big;
  void (*compress)(hash_state *, const uint8_t *);
} kinds[] = {{1, 4, 4, 1, true, NULL},
             {64, 16, 4, 4, false, md5_block},
             {64, 20, 4, 5, true, sha1_block},
             {64, 32, 4, 8, true, sha256_block},
             {128, 64, 8, 8, true, sha512_block},
             {128, 64, 8, 8, false, NULL}};

size_t hash_block_size(hash_kind kind) { return (size_t)kinds[kind].block; }

void hash_begin(hash_state *state, hash_kind kind) {
  *state = (hash_state){.kind = kind};
  for (int i = 0; i < kinds[kind].words; i++) {
    switch (kind) {
    case HASH_CRC32: state->words[i] = 0xffffffff; break;
    case HASH_MD5: state->words[i] = md5_start[i]; break;
    case HASH_SHA1: state->words[i] = sha1_start[i]; break;
    case HASH_SHA256: state->words[i] = sha256_start[i]; break;
    default: state->words[i] = sha512_start[i];
    }
  }
  // The parameters of BLAKE2b: no key, 64 bytes, no tree.
  if (kind == HASH_BLAKE2B) state->words[0] ^= 0x01010040;
}

void hash_add(hash_state *state, const uint8_t *data, size_t len) {
  state->total += len;
  if (state->kind == HASH_CRC32) {
    crc32_bytes(state, data, len);
    return;
  }
  size_t block = hash_block_size(state->kind);
  while (len > 0) {
    // A full block waits until there is more: the last one of BLAKE2b is special.
    if (state->held == block) {
      state->held = 0;
      if (state->kind == HASH_BLAKE2B) blake2b_block(state, state->block, state->total - len, false);
      else kinds[state->kind].compress(state, state->block);
    }
    size_t part = len < block - state->held ? len : block - state->held;
    memcpy(state->block + state->held, data, part);
    state->held += part, data += part, len -= part;
  }
}

size_t hash_end(hash_state *state, uint8_t digest[static HASH_LONGEST]) {
  const int block = kinds[state->kind].block, word = kinds[state->kind].word;
  const bool big = kinds[state->kind].big;
  if (state->kind == HASH_CRC32) {
    state->words[0] ^= 0xffffffff;
  } else if (state->kind == HASH_BLAKE2B) {
    memset(state->block + state->held, 0, (size_t)block - state->held);
    blake2b_block(state, state->block, state->total, true);
  } else {
    // A bit that is set, zeros, and the number of bits in two words.
    const uint64_t total = state->total;
    static const uint8_t padding[128] = {0x80};
    const size_t lengths = 2 * (size_t)word;
    size_t zeros = (2 * (size_t)block - lengths - (size_t)(total % (uint64_t)block)) % (size_t)block;
    hash_add(state, padding, zeros ? zeros : (size_t)block);
    uint8_t bits[16] = {0};
    if (word == 4) {
      store(bits, total * 8, 8, big);
    } else {
      store(bits, total >> 61, 8, true);
      store(bits + 8, total * 8, 8, true);
    }
    hash_add(state, bits, lengths);
    kinds[state->kind].compress(state, state->block);
  }
  const int length = kinds[state->kind].digest;
  for (int i = 0; i < length / word; i++) store(digest + i * word, state->words[i], word, big);
  return (size_t)length;
}
