/* check.c BUNDLE KEYS COMPONENT COMPILER COMPONENT-REVOKED NEXT-BUNDLE BUNDLE-REVOKED SKILL-REVOKED: every function, what it gives and what it refuses. */
#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringfence.h"

#undef NDEBUG

static char *whole(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert(file != NULL);
  char *bytes = malloc(1 << 20);
  *size = fread(bytes, 1, (1 << 20) - 1, file);
  bytes[*size] = 0;
  fclose(file);
  return bytes;
}

/* Whether a text holds another; frees it. */
static int holds(char *text, const char *word) {
  int found = text != NULL && strstr(text, word) != NULL;
  if (!found) fprintf(stderr, "no `%s` in: %s\n", word, text == NULL ? "(null)" : text);
  ringfence_free(text);
  return found;
}

static void *calls(void *host) {
  for (int i = 0; i < 200; i++) {
    char *error = NULL;
    char *report = ringfence_call(host, "echo", "echo", "{\"text\": \"good\"}", NULL, &error);
    if (error != NULL || !holds(report, "\"value\":\"good\"")) return "wrong";
  }
  return NULL;
}

/* Calls a tool that goes on for an hour; gives the report, or null where there was no run. */
static void *spins(void *host) { return ringfence_call(host, "spin", "spin", "{}", NULL, NULL); }

int main(int argc, char **argv) {
  assert(argc == 9);
  size_t size = 0;
  char *error = NULL;
  assert(strlen(ringfence_version()) >= 5);

  /* Configurations: the defaults, ours, and what is refused. */
  RingfenceHost *host = ringfence_create(NULL, &error);
  assert(host != NULL && error == NULL);
  assert(ringfence_load_bundle(host, argv[1], &error) == 1 && holds(error, "bundle-unknown-key"));
  ringfence_destroy(host);
  assert(ringfence_create("{\"key\": 1}", &error) == NULL && holds(error, "bad-configuration"));
  assert(ringfence_create("{", NULL) == NULL);
  assert(ringfence_create("\xff", &error) == NULL && holds(error, "not UTF-8"));
  assert(ringfence_create("{\"runs\": 0}", &error) == NULL && holds(error, "runs"));
  host = ringfence_create(whole(argv[2], &size), &error);
  assert(host != NULL);

  /* Before a bundle is there. */
  assert(ringfence_call(host, "echo", "echo", "{}", NULL, &error) == NULL && holds(error, "no-bundle"));
  assert(holds(ringfence_list(host, &error), "[]"));
  assert(ringfence_load_bundle(host, "/nowhere", &error) == 1 && holds(error, "cannot-read"));
  assert(ringfence_load_bundle(host, NULL, &error) == 1 && holds(error, "path is null"));
  assert(ringfence_load_bundle(NULL, argv[1], &error) == 1 && holds(error, "host is null"));

  /* With it. */
  error = NULL;
  assert(ringfence_load_bundle(host, argv[1], &error) == 0 && error == NULL);
  assert(holds(ringfence_list(host, &error), "\"name\":\"echo\""));
  assert(holds(ringfence_call(host, "echo", "echo", "{\"text\": \"\\u00e9\"}", NULL, &error), "\"value\":\"\xc3\xa9\""));
  assert(error == NULL);
  assert(holds(ringfence_call(host, "echo", "echo", "{\"text\": \"x\"}", "fuel=1", &error), "\"outcome\":\"out-of-fuel\""));
  assert(ringfence_call(host, "echo", "echo", "{\"text\": \"x\"}", "fuel=99999999999", &error) == NULL && holds(error, "bad-limit"));
  assert(ringfence_call(host, "echo", "none", "{}", NULL, &error) == NULL && holds(error, "no-such-tool"));
  assert(ringfence_call(host, "none", "echo", "{}", NULL, &error) == NULL && holds(error, "no-such-skill"));
  assert(ringfence_call(host, "echo", "echo", "{\"text\": 1}", NULL, &error) == NULL && holds(error, "\"pointer\":\"/text\""));
  assert(ringfence_call(host, "echo", "echo", NULL, NULL, &error) == NULL && holds(error, "input is null"));
  assert(ringfence_call(host, "echo", "echo", "{", NULL, NULL) == NULL);

  /* From four threads at once. */
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) assert(pthread_create(&threads[i], NULL, calls, host) == 0);
  for (int i = 0; i < 4; i++) {
    void *wrong = NULL;
    assert(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
  }

  /* A component, where there is a compiler. */
  size_t whole_size = 0;
  char *component = whole(argv[3], &whole_size);
  int loaded = ringfence_load_component(host, "mine", (uint8_t *)component, whole_size, &error);
  if (strcmp(argv[4], "1") == 0) {
    assert(loaded == 0 && error == NULL);
    assert(holds(ringfence_call(host, "mine", "echo", "{\"text\": \"x\"}", NULL, &error), "\"value\":\"x\""));
    assert(ringfence_load_component(host, "bad", (const uint8_t *)"x", 1, &error) == 1 && holds(error, "not-wasm"));
    assert(ringfence_load_component(host, "bad", NULL, 1, &error) == 1 && holds(error, "bytes is null"));
  } else {
    assert(loaded == 1 && holds(error, "no-compiler"));
  }

  /* A component that is revoked: neither loaded nor called, and no bundle is touched by it. */
  if (strcmp(argv[4], "1") == 0) {
    error = NULL;
    assert(ringfence_trust(host, whole(argv[5], &size), &error) == 0 && error == NULL);
    assert(ringfence_call(host, "mine", "echo", "{\"text\": \"x\"}", NULL, &error) == NULL && holds(error, "no-such-skill"));
    assert(ringfence_load_component(host, "mine", (uint8_t *)component, whole_size, &error) == 1 && holds(error, "revoked"));
    assert(holds(ringfence_call(host, "spin", "spin", "{}", "fuel=1000", &error), "out-of-fuel"));
  }

  /* A skill of a bundle that is revoked stops alone, and comes back once the revocation is withdrawn. */
  error = NULL;
  RingfenceHost *part = ringfence_create(whole(argv[2], &size), &error);
  assert(part != NULL && ringfence_load_bundle(part, argv[1], &error) == 0);
  for (int again = 0; again < 2; again++) {
    assert(ringfence_trust(part, whole(argv[8], &size), &error) == 0 && error == NULL);
    if (again) assert(ringfence_load_bundle(part, argv[1], &error) == 0 && error == NULL);
    assert(ringfence_call(part, "echo", "echo", "{\"text\": \"x\"}", NULL, &error) == NULL && holds(error, "\"error\":\"revoked\""));
    assert(holds(ringfence_call(part, "spin", "spin", "{}", "fuel=1000", NULL), "out-of-fuel"));
    char *list = ringfence_list(part, NULL);
    assert(strstr(list, "\"spin\"") != NULL && strstr(list, "\"echo\"") == NULL);
    ringfence_free(list);
    error = NULL;
    assert(ringfence_trust(part, whole(argv[2], &size), &error) == 0 && error == NULL);
    assert(ringfence_load_bundle(part, argv[1], &error) == 0 && error == NULL);
    assert(holds(ringfence_call(part, "echo", "echo", "{\"text\": \"x\"}", NULL, &error), "\"value\":\"x\""));
  }
  ringfence_destroy(part);

  /* A run of what is revoked ends, whether it is the bundle that serves or one before it. A call that comes too late finds no
     bundle; then all of it is done again, until a run was there. */
  for (int replaced = 0; replaced < 2; replaced++) {
    for (int done = 0; !done;) {
      RingfenceHost *other = ringfence_create(whole(argv[2], &size), &error);
      assert(other != NULL && ringfence_load_bundle(other, argv[1], &error) == 0);
      pthread_t thread;
      assert(pthread_create(&thread, NULL, spins, other) == 0);
      if (replaced) assert(ringfence_load_bundle(other, argv[6], &error) == 0);
      assert(ringfence_trust(other, whole(argv[7], &size), &error) == 0);
      void *report = NULL;
      assert(pthread_join(thread, &report) == 0);
      if (report != NULL) {
        assert(holds(report, "\"outcome\":\"cancelled\""));
        done = 1;
      }
      ringfence_destroy(other);
    }
  }

  /* Whose key is not trusted any more serves no more. */
  error = NULL;
  assert(ringfence_trust(host, "{\"keys\": \"x\"}", &error) == 1 && holds(error, "bad-configuration"));
  assert(holds(ringfence_call(host, "echo", "echo", "{\"text\": \"x\"}", NULL, &error), "completed"));
  assert(ringfence_trust(host, "{}", &error) == 0 && error == NULL);
  assert(ringfence_call(host, "echo", "echo", "{\"text\": \"x\"}", NULL, &error) == NULL && holds(error, "no-bundle"));
  ringfence_free(NULL);
  ringfence_destroy(NULL);
  ringfence_destroy(host);
  free(component);
  puts("ok");
  return 0;
}
