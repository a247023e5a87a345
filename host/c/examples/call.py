"""call.py LIBRARY BUNDLE KEY SKILL TOOL INPUT: one call out of a signed bundle, by ctypes alone."""

import ctypes
import json
import pathlib
import sys

TEXT = ctypes.c_void_p  # Not c_char_p: the pointer itself is needed, to free it.


class Ringfence:
    """A host of the library, with errors as exceptions."""

    def __init__(self, library, **config):
        self.library = ctypes.CDLL(library)
        self.library.ringfence_create.restype = ctypes.c_void_p
        self.library.ringfence_call.restype = TEXT
        self.library.ringfence_list.restype = TEXT
        self.library.ringfence_free.argtypes = [TEXT]
        self.host = self._asked(self.library.ringfence_create, json.dumps(config).encode())

    def load_bundle(self, path):
        self._asked(self.library.ringfence_load_bundle, ctypes.c_void_p(self.host), str(path).encode())

    def load_component(self, name, component):
        size = ctypes.c_size_t(len(component))
        self._asked(self.library.ringfence_load_component, ctypes.c_void_p(self.host), name.encode(), component, size)

    def call(self, skill, tool, arguments, limits=None):
        texts = [skill.encode(), tool.encode(), json.dumps(arguments).encode(), limits and limits.encode()]
        return json.loads(self._text(self._asked(self.library.ringfence_call, ctypes.c_void_p(self.host), *texts)))

    def list(self):
        return json.loads(self._text(self._asked(self.library.ringfence_list, ctypes.c_void_p(self.host))))

    def close(self):
        self.library.ringfence_destroy(ctypes.c_void_p(self.host))
        self.host = None

    def _asked(self, function, *arguments):
        error = TEXT()
        result = function(*arguments, ctypes.byref(error))
        if error.value:
            raise RuntimeError(self._text(error.value))
        return result

    def _text(self, pointer):
        text = ctypes.string_at(pointer).decode()
        self.library.ringfence_free(pointer)
        return text


if __name__ == "__main__":
    library, bundle, key, skill, tool, arguments = sys.argv[1:]
    ringfence = Ringfence(library, keys=pathlib.Path(key).read_text())
    ringfence.load_bundle(bundle)
    print(json.dumps(ringfence.call(skill, tool, json.loads(arguments))))
    ringfence.close()
