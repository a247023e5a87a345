// The tools of wit/skill.wit. `ringfence build` generates the folder bindings/ from it.
#include <stdlib.h>
#include <string.h>

#include "bindings/skill.h"

// Returns the text in capitals, followed by exclamation marks; one by default. This function owns and frees its arguments.
// The caller frees the results.
bool exports_local_{{snake}}_tools_shout(skill_string_t *text, uint8_t *maybe_marks, skill_string_t *ret,
                                         skill_string_t *err) {
  size_t marks = maybe_marks ? *maybe_marks : 1;
  if (text->len == 0) {
    skill_string_dup(err, "the text is empty");
    return false;
  }
  uint8_t *shouted = text->len <= SIZE_MAX - marks ? malloc(text->len + marks) : NULL;
  if (!shouted) {
    skill_string_free(text);
    skill_string_dup(err, "out of memory");
    return false;
  }
  for (size_t i = 0; i < text->len; i++) {
    uint8_t c = text->ptr[i];
    shouted[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
  }
  memset(shouted + text->len, '!', marks);
  *ret = (skill_string_t){shouted, text->len + marks};
  skill_string_free(text);
  return true;
}
