/* call.c BUNDLE KEY SKILL TOOL INPUT: one call out of a signed bundle.
 *
 *   cc call.c -I../include -lringfence_c -o call
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringfence.h"

/* {"keys": TEXT} with the line ends of the text escaped, as JSON wants them. */
static char *config(const char *path) {
  static char text[65536];
  char line[4096];
  FILE *file = fopen(path, "r");
  if (file == NULL) return NULL;
  strcpy(text, "{\"keys\": \"");
  while (fgets(line, sizeof line, file) != NULL && strlen(text) + strlen(line) + 8 < sizeof text) {
    line[strcspn(line, "\n")] = 0;
    strcat(text, line);
    strcat(text, "\\n");
  }
  fclose(file);
  strcat(text, "\"}");
  return text;
}

int main(int argc, char **argv) {
  char *error = NULL;
  if (argc != 6) {
    fprintf(stderr, "usage: call BUNDLE KEY SKILL TOOL INPUT\n");
    return 2;
  }
  RingfenceHost *host = ringfence_create(config(argv[2]), &error);
  char *report = NULL;
  if (host != NULL && ringfence_load_bundle(host, argv[1], &error) == 0) {
    report = ringfence_call(host, argv[3], argv[4], argv[5], NULL, &error);
  }
  if (report != NULL) printf("%s\n", report);
  if (error != NULL) fprintf(stderr, "%s\n", error);
  int ended = report == NULL;
  ringfence_free(report);
  ringfence_free(error);
  ringfence_destroy(host);
  return ended;
}
