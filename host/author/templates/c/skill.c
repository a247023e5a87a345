// The tools of {{name}}, as wit/skill.wit has them. `ringfence build` writes the folder bindings/ from it.
#include <stdlib.h>
#include <string.h>

#include "bindings/skill.h"

// The text in capitals, with exclamation marks after it: one if it is not said how many. What is given is ours to
// free, and what is given back is freed by the caller.
bool exports_local_{{snake}}_tools_shout(skill_string_t *text, uint8_t *maybe_marks, skill_string_t *ret,
                                         skill_string_t *err) {
  size_t marks = maybe_marks ? *maybe_marks : 1;
  if (text->len == 0) {
    skill_string_dup(err, "there is nothing to shout");
    return false;
  }
  uint8_t *shouted = text->len <= SIZE_MAX - marks ? malloc(text->len + marks) : NULL;
  if (!shouted) {
    skill_string_free(text);
    skill_string_dup(err, "there is not enough memory");
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
