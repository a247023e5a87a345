/* ringfence.h: run untrusted WebAssembly skills. Made by cbindgen from host/c; do not edit. */

#ifndef RINGFENCE_H
#define RINGFENCE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// A host. C code sees only its address.
typedef struct RingfenceHost RingfenceHost;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns the version of this library. Do not free it.
const char *ringfence_version(void);

// Creates a host. Several threads can use it at once. Returns null on failure.
//
// `config` is a JSON object, or null for the defaults:
//
// - `keys`: public keys that bundles must be signed with, one a line, as `ringfence keygen` writes them. Default: none
// - `revoked`: revocations, one a line. Default: none
// - `state`: path of a file that keeps the highest bundle version seen. Default: not kept
// - `runs`: maximum number of concurrent runs. Default: 32
// - `memory`: maximum bytes of memory of all runs. Default: 268435456
// - `interpret`: run bundles in the interpreter Pulley. Default: false
//
// Every function with `error` sets `*error` to null after a success, and to JSON after a failure. The JSON has
// `error` (a stable code), `message`, and for an invalid input value a `pointer` to it. Free it with
// `ringfence_free`. To ignore errors, pass null as `error`.
//
// # Safety
//
// `config` is null or a zero-terminated string. `error` is null or points to a writable pointer.
RingfenceHost *ringfence_create(const char *config,
                                char **error);

// Destroys a host. Does nothing if `host` is null.
//
// # Safety
//
// `host` is null or came from `ringfence_create`. No thread uses it during or after this call.
void ringfence_destroy(RingfenceHost *host);

// Loads a bundle from a file, and replaces the current bundle. Running calls end on the old one.
//
// Returns 0, or 1 on failure; the old bundle then stays.
//
// # Safety
//
// `host` came from `ringfence_create`. `path` is a zero-terminated string. `error` is null or points to a writable
// pointer.
int32_t ringfence_load_bundle(const RingfenceHost *host,
                              const char *path,
                              char **error);

// Replaces the trusted keys and the revocations.
//
// `config` is a JSON object with `keys` and `revoked`, as in `ringfence_create`. A key that is left out means none.
//
// A bundle that is no longer acceptable stops serving. Its runs are cancelled, even if another bundle has replaced it.
// A revoked skill of a bundle stops alone: its runs are cancelled, and calls of it fail with `revoked`. Load the bundle
// again once its revocation is withdrawn. Revoked components are unloaded, and their runs are cancelled.
//
// Returns 0, or 1 on failure; then nothing has changed.
//
// # Safety
//
// `host` came from `ringfence_create`. `config` is a zero-terminated string. `error` is null or points to a writable
// pointer.
int32_t ringfence_trust(const RingfenceHost *host,
                        const char *config,
                        char **error);

// Loads a component under a name, and replaces a component of that name. It hides a skill of that name in the bundle.
//
// The component is compiled in this process, so load only components that you trust not to keep the compiler busy.
// It runs under the default limits. `runs` and `memory` of the host apply to components and to bundles separately.
//
// Returns 0, or 1 on failure. A revoked component is refused. The worker's library always fails with `no-compiler`.
//
// # Safety
//
// `host` came from `ringfence_create`. `name` is a zero-terminated string. `bytes` points to `size` bytes. `error`
// is null or points to a writable pointer.
int32_t ringfence_load_component(const RingfenceHost *host,
                                 const char *name,
                                 const uint8_t *bytes,
                                 uintptr_t size,
                                 char **error);

// Calls a tool, and waits for its end.
//
// `input` is a JSON object with the arguments. `limits` lowers the limits of the run, for example
// `fuel=1000000, deadline=200ms, memory=16MiB`, or is null.
//
// Returns the report as JSON; free it with `ringfence_free`. Read its `outcome` first: `completed`, `failed`, or how
// the run was stopped. Returns null if there was no run.
//
// # Safety
//
// `host` came from `ringfence_create`. `skill`, `tool` and `input` are zero-terminated strings. `limits` is null or a
// zero-terminated string. `error` is null or points to a writable pointer.
char *ringfence_call(const RingfenceHost *host,
                     const char *skill,
                     const char *tool,
                     const char *input,
                     const char *limits,
                     char **error);

// Returns the loaded skills as a JSON array, with their tools, texts and JSON Schemas. Free it with `ringfence_free`.
//
// # Safety
//
// `host` came from `ringfence_create`. `error` is null or points to a writable pointer.
char *ringfence_list(const RingfenceHost *host,
                     char **error);

// Frees text from this library. Does nothing if `text` is null.
//
// # Safety
//
// `text` is null, or came from this library as a result or in `*error`, and was not freed before.
void ringfence_free(char *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGFENCE_H */
