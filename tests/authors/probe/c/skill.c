// Does what `promises.py` asks for.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bindings/skill.h"

bool exports_local_probe_tools_probe(skill_string_t *what, skill_string_t *ret, skill_string_t *err) {
  char text[64] = "done";
  char word[32] = "";
  memcpy(word, what->ptr, what->len < sizeof word ? what->len : sizeof word - 1);
  skill_string_free(what);
  if (!strcmp(word, "out")) {
    printf("to %s\n", "out");
  } else if (!strcmp(word, "err")) {
    fprintf(stderr, "to err\n");
  } else if (!strcmp(word, "unfinished")) {
    printf("no line break");
  } else if (!strcmp(word, "tab")) {
    puts("a\tb");
  } else if (!strcmp(word, "print and crash")) {
    printf("before");
    assert(!"it broke");
  } else if (!strcmp(word, "crash")) {
    assert(!"it broke");
  } else if (!strcmp(word, "fail")) {
    skill_string_dup(err, "mine");
    return false;
  } else if (!strcmp(word, "time")) {
    snprintf(text, sizeof text, "%lld", (long long)time(NULL));
  } else if (!strcmp(word, "random")) {
    unsigned char bytes[16];
    if (getentropy(bytes, sizeof bytes)) abort();
    for (size_t i = 0; i < sizeof bytes; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
  } else if (!strcmp(word, "rand")) {
    snprintf(text, sizeof text, "%d", rand());
  } else if (!strcmp(word, "random()")) {
    snprintf(text, sizeof text, "%ld", random());
  } else if (!strcmp(word, "drand48")) {
    snprintf(text, sizeof text, "%a", drand48());
  }
  skill_string_dup(ret, text);
  return true;
}
