// A skill in C: statistics of a text, and functions for a host to stop.
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/c_skill.h"

typedef c_skill_string_t string;
typedef exports_origins_c_text_text_statistics_t statistics;
typedef exports_origins_c_text_text_word_count_t word_count;
typedef exports_origins_c_text_text_problem_t problem;

enum { longest_text = 65536, most_common_words = 3 };

static bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static uint8_t swap_case(uint8_t c, bool up) {
  if (up && c >= 'a' && c <= 'z') return (uint8_t)(c - 'a' + 'A');
  if (!up && c >= 'A' && c <= 'Z') return (uint8_t)(c - 'A' + 'a');
  return c;
}

// Counts one more of the word, which is added to the list if it is new.
static void count_word(word_count *words, size_t *len, uint8_t *start, size_t bytes) {
  for (size_t i = 0; i < *len; i++) {
    if (words[i].word.len == bytes && memcmp(words[i].word.ptr, start, bytes) == 0) {
      words[i].times++;
      return;
    }
  }
  words[(*len)++] = (word_count){.word = {start, bytes}, .times = 1};
}

// Moves the most common words to the front, the first seen of equals first.
static void sort_front(word_count *words, size_t len, size_t front) {
  for (size_t i = 0; i < front; i++) {
    size_t best = i;
    for (size_t j = i + 1; j < len; j++) {
      if (words[j].times > words[best].times) best = j;
    }
    word_count found = words[best];
    memmove(&words[i + 1], &words[i], (best - i) * sizeof *words);
    words[i] = found;
  }
}

bool exports_origins_c_text_text_count(string *text, statistics *ret, problem *err) {
  if (text->len == 0) {
    err->tag = EXPORTS_ORIGINS_C_TEXT_TEXT_PROBLEM_EMPTY;
    return false;
  }
  if (text->len > longest_text) {
    err->tag = EXPORTS_ORIGINS_C_TEXT_TEXT_PROBLEM_TOO_LONG;
    err->val.too_long = (c_skill_tuple2_u32_u32_t){text->len, longest_text};
    return false;
  }
  const uint8_t *nul = memchr(text->ptr, 0, text->len);
  if (nul) {
    err->tag = EXPORTS_ORIGINS_C_TEXT_TEXT_PROBLEM_NOT_TEXT;
    err->val.not_text = (uint32_t)(nul - text->ptr);
    return false;
  }

  *ret = (statistics){.bytes = text->len, .lines = 1};
  word_count *words = malloc((text->len / 2 + 1) * sizeof *words);
  size_t distinct = 0;
  string longest = {0};
  for (size_t i = 0; i < text->len;) {
    size_t start = i;
    while (i < text->len && !is_space(text->ptr[i])) i++;
    if (i > start) {
      ret->words++;
      count_word(words, &distinct, text->ptr + start, i - start);
      if (i - start > longest.len) longest = (string){text->ptr + start, i - start};
    }
    if (i < text->len && text->ptr[i++] == '\n') ret->lines++;
  }

  size_t front = distinct < most_common_words ? distinct : most_common_words;
  sort_front(words, distinct, front);
  ret->most_common.len = front;
  ret->most_common.ptr = front ? malloc(front * sizeof *words) : NULL;
  for (size_t i = 0; i < front; i++) {
    c_skill_string_dup_n(&ret->most_common.ptr[i].word, (char *)words[i].word.ptr, words[i].word.len);
    ret->most_common.ptr[i].times = words[i].times;
  }
  ret->longest.is_some = longest.len > 0;
  if (longest.len > 0) c_skill_string_dup_n(&ret->longest.val, (char *)longest.ptr, longest.len);
  free(words);
  c_skill_string_free(text);
  return true;
}

typedef exports_origins_c_text_text_direction_t direction;

void exports_origins_c_text_text_change_case(string *text, direction direction, string *ret) {
  bool up = direction == EXPORTS_ORIGINS_C_TEXT_TEXT_DIRECTION_UP;
  for (size_t i = 0; i < text->len; i++) text->ptr[i] = swap_case(text->ptr[i], up);
  *ret = *text;
}

void exports_origins_c_text_text_trim_spaces(string *text, exports_origins_c_text_text_trim_t how, string *ret) {
  size_t first = 0, end = text->len, len = 0;
  if (how & EXPORTS_ORIGINS_C_TEXT_TEXT_TRIM_LEFT) {
    while (first < end && is_space(text->ptr[first])) first++;
  }
  if (how & EXPORTS_ORIGINS_C_TEXT_TEXT_TRIM_RIGHT) {
    while (end > first && is_space(text->ptr[end - 1])) end--;
  }
  bool inner = how & EXPORTS_ORIGINS_C_TEXT_TEXT_TRIM_INNER;
  for (size_t i = first; i < end; i++) {
    bool repeated = i > first && is_space(text->ptr[i]) && is_space(text->ptr[i - 1]);
    if (!(inner && repeated)) text->ptr[len++] = text->ptr[i];
  }
  text->len = len;
  *ret = *text;
}

void exports_origins_c_text_text_checksum(c_skill_list_u8_t *data, c_skill_tuple2_u64_list_u8_t *ret) {
  ret->f0 = 0;
  for (size_t i = 0; i < data->len; i++) ret->f0 += data->ptr[i];
  for (size_t i = 0; i < data->len / 2; i++) {
    uint8_t byte = data->ptr[i];
    data->ptr[i] = data->ptr[data->len - 1 - i];
    data->ptr[data->len - 1 - i] = byte;
  }
  ret->f1 = *data;
}

void exports_origins_c_text_text_echo(string *s, string *ret) { *ret = *s; }

// The volatile variables keep the compiler from proving that these functions never end, or from unrolling them.
uint32_t exports_origins_c_text_text_recurse(uint32_t depth) {
  volatile uint32_t here = depth;
  if (depth == UINT_MAX) return 0;
  return exports_origins_c_text_text_recurse(depth + 1) + here;
}

uint32_t exports_origins_c_text_text_spin(void) {
  volatile uint32_t turns = 0;
  for (;;) turns++;
  return turns;
}

uint32_t exports_origins_c_text_text_hoard(void) {
  const size_t piece = 64 * 1024;
  uint32_t kibibytes = 0;
  volatile uint8_t *taken;
  while ((taken = malloc(piece))) {
    taken[0] = 1;
    kibibytes += piece / 1024;
  }
  return kibibytes;
}

int32_t exports_origins_c_text_text_divide(int32_t dividend, int32_t divisor) { return dividend / divisor; }

void exports_c_skill_abi(string *ret) { c_skill_string_dup(ret, "wasm32, C11"); }
