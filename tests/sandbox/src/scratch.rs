//! A guest that does operations on files as its input says, one after the other.

use serde_json::{Value, json};

/// An operation, by its number in the guest.
#[derive(Debug, Clone, Copy)]
pub enum Op<'a> {
    /// Opens a path for reading and writing, with the bits of `open-flags` (1 create, 2 directory, 4 exclusive, 8
    /// truncate), and closes nothing.
    Open(&'a str, u64),
    /// Writes a text at an offset of the file that was opened last.
    Write(&'a str, u64),
    /// Sets the size of that file.
    Resize(u64),
    /// Makes a directory.
    MakeDirectory(&'a str),
    /// Removes a directory.
    RemoveDirectory(&'a str),
    /// Removes a file.
    Unlink(&'a str),
    /// Renames the first part of the text to the rest. The number is the length of the first part.
    Rename(&'a str, u64),
    /// Grows the memory by pages.
    Grow(u64),
    /// Reads from an offset as many bytes as the text has.
    Read(&'a str, u64),
    /// Closes the file that was opened last.
    Close,
    /// Opens a path for reading.
    OpenRead(&'a str),
    /// Writes a text at an offset through a stream.
    Stream(&'a str, u64),
    /// Traps.
    Trap,
}

impl Op<'_> {
    fn json(self) -> Value {
        let (number, text, n) = match self {
            Self::Open(path, flags) => (0, path, flags),
            Self::Write(text, offset) => (1, text, offset),
            Self::Resize(size) => (2, "", size),
            Self::MakeDirectory(path) => (3, path, 0),
            Self::RemoveDirectory(path) => (4, path, 0),
            Self::Unlink(path) => (5, path, 0),
            Self::Rename(paths, length) => (6, paths, length),
            Self::Grow(pages) => (7, "", pages),
            Self::Read(text, offset) => (8, text, offset),
            Self::Close => (9, "", 0),
            Self::OpenRead(path) => (10, path, 0),
            Self::Stream(text, offset) => (11, text, offset),
            Self::Trap => (12, "", 0),
        };
        json!([number, text, n.to_string()])
    }
}

/// What an operation returns when it succeeds; a read returns the number of bytes.
pub const OK: u32 = 0;

/// What an operation returns when it fails with this code of `error-code`.
pub fn failed(code: &str) -> u32 {
    let at = CODES.iter().position(|name| *name == code).unwrap_or_else(|| panic!("no code {code}"));
    10_000_000 + u32::try_from(at).expect("few")
}

/// What every operation returns if there is no directory.
pub const NO_DIRECTORY: u32 = 30_000_000;

/// What a growth of the memory returns that is refused.
pub const REFUSED: u32 = 40_000_000;

/// The input of `run`.
pub fn input(ops: &[Op<'_>]) -> Value {
    json!({"ops": ops.iter().map(|op| op.json()).collect::<Vec<_>>()})
}

/// The component: `run: func(ops: list<tuple<u8, string, u64>>) -> list<u32>`.
pub fn guest() -> Vec<u8> {
    let codes: String = CODES.iter().map(|code| format!("\"{code}\" ")).collect();
    crate::wasm(&GUEST.replace("CODES", &codes))
}

/// `wasi:filesystem/types.error-code`, in order.
const CODES: &[&str] = &[
    "access",
    "would-block",
    "already",
    "bad-descriptor",
    "busy",
    "deadlock",
    "quota",
    "exist",
    "file-too-large",
    "illegal-byte-sequence",
    "in-progress",
    "interrupted",
    "invalid",
    "io",
    "is-directory",
    "loop",
    "too-many-links",
    "message-size",
    "name-too-long",
    "no-device",
    "no-entry",
    "no-lock",
    "insufficient-memory",
    "insufficient-space",
    "not-directory",
    "not-empty",
    "not-recoverable",
    "unsupported",
    "no-tty",
    "no-such-device",
    "overflow",
    "not-permitted",
    "pipe",
    "read-only",
    "invalid-seek",
    "text-file-busy",
    "cross-device",
];

/// Memory: results of calls at 256, a list that the host returns at 1024, the guest's results at 4096, its own strings
/// and what the host reads into it from 64 KiB on. 32 pages.
const GUEST: &str = r#"(component
  (import "wasi:io/error@0.2.3" (instance $errors (export "error" (type (sub resource)))))
  (alias export $errors "error" (type $error))
  (import "wasi:io/streams@0.2.3" (instance $streams
    (alias outer 1 $error (type $e'))
    (export "error" (type $e (eq $e')))
    (export "output-stream" (type $out (sub resource)))
    (type $failure' (variant (case "last-operation-failed" (own $e)) (case "closed")))
    (export "stream-error" (type $failure (eq $failure')))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $failure)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:filesystem/types@0.2.3" (instance $types
    (export "descriptor" (type $d (sub resource)))
    (alias outer 1 $output (type $out'))
    (export "output-stream" (type $out (eq $out')))
    (alias outer 1 $error (type $e'))
    (export "error" (type $e (eq $e')))
    (type $codes (enum CODES))
    (export "error-code" (type $code (eq $codes)))
    (type $path' (flags "symlink-follow"))
    (export "path-flags" (type $path (eq $path')))
    (type $open' (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open (eq $open')))
    (type $mode' (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync"
      "mutate-directory"))
    (export "descriptor-flags" (type $mode (eq $mode')))
    (export "[method]descriptor.open-at" (func (param "self" (borrow $d)) (param "path-flags" $path)
      (param "path" string) (param "open-flags" $open) (param "flags" $mode)
      (result (result (own $d) (error $code)))))
    (export "[method]descriptor.write" (func (param "self" (borrow $d)) (param "buffer" (list u8))
      (param "offset" u64) (result (result u64 (error $code)))))
    (export "[method]descriptor.read" (func (param "self" (borrow $d)) (param "length" u64)
      (param "offset" u64) (result (result (tuple (list u8) bool) (error $code)))))
    (export "[method]descriptor.set-size" (func (param "self" (borrow $d)) (param "size" u64)
      (result (result (error $code)))))
    (export "[method]descriptor.create-directory-at" (func (param "self" (borrow $d)) (param "path" string)
      (result (result (error $code)))))
    (export "[method]descriptor.remove-directory-at" (func (param "self" (borrow $d)) (param "path" string)
      (result (result (error $code)))))
    (export "[method]descriptor.unlink-file-at" (func (param "self" (borrow $d)) (param "path" string)
      (result (result (error $code)))))
    (export "[method]descriptor.rename-at" (func (param "self" (borrow $d)) (param "old-path" string)
      (param "new-descriptor" (borrow $d)) (param "new-path" string) (result (result (error $code)))))
    (export "[method]descriptor.write-via-stream" (func (param "self" (borrow $d)) (param "offset" u64)
      (result (result (own $out) (error $code)))))
    (export "filesystem-error-code" (func (param "err" (borrow $e)) (result (option $code))))))
  (alias export $types "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.3" (instance $preopens
    (alias outer 1 $descriptor (type $d'))
    (export "descriptor" (type $d (eq $d')))
    (export "get-directories" (func (result (list (tuple (own $d) string)))))))
  (core module $libc
    (memory (export "memory") 32)
    (global $next (mut i32) (i32.const 65536))
    ;; The host's list of directories and its string lie apart; all else one after the other.
    (func (export "realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $directories
    (canon lower (func $preopens "get-directories") (memory $memory) (realloc $realloc)))
  (core func $open (canon lower (func $types "[method]descriptor.open-at") (memory $memory)))
  (core func $write (canon lower (func $types "[method]descriptor.write") (memory $memory)))
  (core func $read (canon lower (func $types "[method]descriptor.read") (memory $memory) (realloc $realloc)))
  (core func $size (canon lower (func $types "[method]descriptor.set-size") (memory $memory)))
  (core func $mkdir (canon lower (func $types "[method]descriptor.create-directory-at") (memory $memory)))
  (core func $rmdir (canon lower (func $types "[method]descriptor.remove-directory-at") (memory $memory)))
  (core func $unlink (canon lower (func $types "[method]descriptor.unlink-file-at") (memory $memory)))
  (core func $rename (canon lower (func $types "[method]descriptor.rename-at") (memory $memory)))
  (core func $stream (canon lower (func $types "[method]descriptor.write-via-stream") (memory $memory)))
  (core func $put
    (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $memory)))
  (core func $code (canon lower (func $types "filesystem-error-code") (memory $memory)))
  (core func $close (canon resource.drop $descriptor))
  (core func $end (canon resource.drop $output))
  (core func $forget (canon resource.drop $error))
  (core module $m
    (import "libc" "memory" (memory 32))
    (import "host" "directories" (func $directories (param i32)))
    (import "host" "open" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i64 i32)))
    (import "host" "read" (func $read (param i32 i64 i64 i32)))
    (import "host" "size" (func $size (param i32 i64 i32)))
    (import "host" "mkdir" (func $mkdir (param i32 i32 i32 i32)))
    (import "host" "rmdir" (func $rmdir (param i32 i32 i32 i32)))
    (import "host" "unlink" (func $unlink (param i32 i32 i32 i32)))
    (import "host" "rename" (func $rename (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "stream" (func $stream (param i32 i64 i32)))
    (import "host" "put" (func $put (param i32 i32 i32 i32)))
    (import "host" "code" (func $code (param i32 i32)))
    (import "host" "close" (func $close (param i32)))
    (import "host" "end" (func $end (param i32)))
    (import "host" "forget" (func $forget (param i32)))
    (global $root (mut i32) (i32.const -1))
    (global $file (mut i32) (i32.const -1))
    ;; The error at an offset of the result at 256, or 0.
    (func $told (param $offset i32) (result i32)
      (if (result i32) (i32.load8_u (i32.const 256))
        (then (i32.add (i32.const 10000000) (i32.load8_u (i32.add (i32.const 256) (local.get $offset)))))
        (else (i32.const 0))))
    (func $opened (param $flags i32) (param $mode i32) (param $at i32) (param $len i32) (result i32)
      (call $open (global.get $root) (i32.const 0) (local.get $at) (local.get $len) (local.get $flags)
        (local.get $mode) (i32.const 256))
      (if (i32.eqz (i32.load8_u (i32.const 256)))
        (then (global.set $file (i32.load (i32.const 260)))))
      (call $told (i32.const 4)))
    (func $streamed (param $at i32) (param $len i32) (param $offset i64) (result i32)
      (local $out i32) (local $answer i32)
      (call $stream (global.get $file) (local.get $offset) (i32.const 256))
      (if (i32.load8_u (i32.const 256)) (then (return (call $told (i32.const 4)))))
      (local.set $out (i32.load (i32.const 260)))
      (call $put (local.get $out) (local.get $at) (local.get $len) (i32.const 256))
      (if (i32.load8_u (i32.const 256))
        (then
          (local.set $answer (i32.const 20000000))
          (if (i32.eqz (i32.load8_u (i32.const 260)))
            (then
              (call $code (i32.load (i32.const 264)) (i32.const 272))
              (call $forget (i32.load (i32.const 264)))
              (local.set $answer (i32.add (i32.const 10000000) (i32.load8_u (i32.const 273))))))))
      (call $end (local.get $out))
      (local.get $answer))
    (func $one (param $op i32) (param $at i32) (param $len i32) (param $n i64) (result i32)
      (local $short i32)
      (local.set $short (i32.wrap_i64 (local.get $n)))
      (block $12 (block $11 (block $10 (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3
      (block $2 (block $1 (block $0
        (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 $11 $12 (local.get $op)))
        (return (call $opened (local.get $short) (i32.const 3) (local.get $at) (local.get $len))))
        (call $write (global.get $file) (local.get $at) (local.get $len) (local.get $n) (i32.const 256))
        (return (call $told (i32.const 8))))
        (call $size (global.get $file) (local.get $n) (i32.const 256))
        (return (call $told (i32.const 1))))
        (call $mkdir (global.get $root) (local.get $at) (local.get $len) (i32.const 256))
        (return (call $told (i32.const 1))))
        (call $rmdir (global.get $root) (local.get $at) (local.get $len) (i32.const 256))
        (return (call $told (i32.const 1))))
        (call $unlink (global.get $root) (local.get $at) (local.get $len) (i32.const 256))
        (return (call $told (i32.const 1))))
        (call $rename (global.get $root) (local.get $at) (local.get $short) (global.get $root)
          (i32.add (local.get $at) (local.get $short)) (i32.sub (local.get $len) (local.get $short))
          (i32.const 256))
        (return (call $told (i32.const 1))))
        (return (select (i32.const 40000000) (i32.const 0)
          (i32.eq (memory.grow (local.get $short)) (i32.const -1)))))
        (call $read (global.get $file) (i64.extend_i32_u (local.get $len)) (local.get $n) (i32.const 256))
        (if (i32.load8_u (i32.const 256)) (then (return (call $told (i32.const 4)))))
        (return (i32.load (i32.const 264))))
        (call $close (global.get $file))
        (return (i32.const 0)))
        (return (call $opened (i32.const 0) (i32.const 1) (local.get $at) (local.get $len))))
        (return (call $streamed (local.get $at) (local.get $len) (local.get $n))))
      (unreachable))
    (func (export "run") (param $at i32) (param $count i32) (result i32)
      (local $i i32) (local $answer i32)
      (call $directories (i32.const 1024))
      (if (i32.load (i32.const 1028))
        (then (global.set $root (i32.load (i32.load (i32.const 1024))))))
      (block $done (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (local.set $answer (i32.const 30000000))
        (if (i32.ne (global.get $root) (i32.const -1))
          (then (local.set $answer (call $one (i32.load8_u (local.get $at))
            (i32.load offset=4 (local.get $at)) (i32.load offset=8 (local.get $at))
            (i64.load offset=16 (local.get $at))))))
        (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4))) (local.get $answer))
        (local.set $at (i32.add (local.get $at) (i32.const 24)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
      (i32.store (i32.const 2048) (i32.const 4096))
      (i32.store (i32.const 2052) (local.get $count))
      (i32.const 2048)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "directories" (func $directories)) (export "open" (func $open)) (export "write" (func $write))
      (export "read" (func $read)) (export "size" (func $size)) (export "mkdir" (func $mkdir))
      (export "rmdir" (func $rmdir)) (export "unlink" (func $unlink)) (export "rename" (func $rename))
      (export "stream" (func $stream)) (export "put" (func $put)) (export "code" (func $code))
      (export "close" (func $close)) (export "end" (func $end)) (export "forget" (func $forget))))))
  (func (export "run") (param "ops" (list (tuple u8 string u64))) (result (list u32))
    (canon lift (core func $i "run") (memory $memory) (realloc $realloc))))"#;
