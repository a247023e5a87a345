/* ringfence.h: run untrusted WebAssembly skills. Made by cbindgen from host/c; do not edit. */

#ifndef RINGFENCE_H
#define RINGFENCE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

// A host. Only its address is known outside.
typedef struct RingfenceHost RingfenceHost;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of this library. Not to be freed.
const char *ringfence_version(void);

// Makes a host. `config` is a JSON object, or null for the defaults:
//
// - `keys`: text with a public key a line, as `ringfence keygen` writes them; whose bundles are trusted. Default: none
// - `revoked`: text with a revocation a line. Default: none
// - `state`: path of the file that keeps the highest bundle version that was seen. Default: not kept
// - `runs`: runs at once. Default: 32
// - `memory`: bytes that all runs together may hold. Default: 268435456
// - `interpret`: run bundles under Pulley. Default: false
//
// Gives null and `*error` when it is refused. A host may be used by several threads at once.
//
// `*error`, here and below, is null after a success, and else JSON to be freed with `ringfence_free`: `error` (a stable code),
// `message`, and `pointer` to the value of the input that does not fit. `error` itself may be null.
//
// # Safety
//
// `config` is null or text that ends with a zero. `error` is null or a place for a pointer.
RingfenceHost *ringfence_create(const char *config,
                                char **error);

// Ends a host. Null is nothing to end.
//
// # Safety
//
// `host` is null or came from `ringfence_create`, and is not used any more, by no thread.
void ringfence_destroy(RingfenceHost *host);

// Loads a bundle from a file, in the place of the one that is there. Calls under way end on the old one. Gives 0, or 1 and
// `*error` when it is refused; then the old one serves.
//
// # Safety
//
// `host` came from `ringfence_create`. `path` is text that ends with a zero. `error` is null or a place for a pointer.
int32_t ringfence_load_bundle(const RingfenceHost *host,
                              const char *path,
                              char **error);

// Changes who is trusted and what is revoked. `config` is a JSON object with `keys` and `revoked`, as in `ringfence_create`;
// what is left out is none. A bundle that is not acceptable any more stops serving, and its runs are cancelled, also where
// another bundle has taken its place. Components that are revoked are forgotten, and their runs are cancelled. Gives 0, or 1
// and `*error`; then nothing is changed.
//
// # Safety
//
// `host` came from `ringfence_create`. `config` is text that ends with a zero. `error` is null or a place for a pointer.
int32_t ringfence_trust(const RingfenceHost *host,
                        const char *config,
                        char **error);

// Loads a component under a name, in the place of what is there. It is compiled in this process: for components that are
// trusted not to keep the compiler busy. One that is revoked is refused. It hides a skill of that name in the bundle, and runs under the default limits.
// `runs` and `memory` hold for components and for bundles each. Gives 0, or 1 and `*error`; always `no-compiler` in the worker's library.
//
// # Safety
//
// `host` came from `ringfence_create`. `name` is text that ends with a zero. `bytes` points at `size` bytes. `error` is null
// or a place for a pointer.
int32_t ringfence_load_component(const RingfenceHost *host,
                                 const char *name,
                                 const uint8_t *bytes,
                                 uintptr_t size,
                                 char **error);

// Calls a tool and waits for its end. `input` is a JSON object with its arguments. `limits` lowers its limits, such as
// `fuel=1000000, deadline=200ms, memory=16MiB`, or is null. Gives the report as JSON, to be freed with `ringfence_free`:
// read `outcome` first, which is `completed`, `failed`, or how the run was stopped. Gives null and `*error` when there was no
// run.
//
// # Safety
//
// `host` came from `ringfence_create`. `skill`, `tool` and `input` are text that ends with a zero, `limits` as well, or null.
// `error` is null or a place for a pointer.
char *ringfence_call(const RingfenceHost *host,
                     const char *skill,
                     const char *tool,
                     const char *input,
                     const char *limits,
                     char **error);

// What can be called: JSON, an array of skills with their tools, texts and JSON Schemas. To be freed with `ringfence_free`.
//
// # Safety
//
// `host` came from `ringfence_create`. `error` is null or a place for a pointer.
char *ringfence_list(const RingfenceHost *host,
                     char **error);

// Frees text that this library gave. Null is nothing to free.
//
// # Safety
//
// `text` is null or came from this library, as a result or in `*error`, and was not freed.
void ringfence_free(char *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGFENCE_H */
