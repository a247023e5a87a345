//! What a new skill begins with: files by path, to be written with [`fill`]ed placeholders.

/// Path and text of each file of a skill in Go.
pub const GO: &[(&str, &str)] = &[
    (".gitignore", include_str!("../templates/go/gitignore")),
    ("README.md", include_str!("../templates/go/README.md")),
    ("cases.jsonl", include_str!("../templates/go/cases.jsonl")),
    ("go.mod", include_str!("../templates/go/go.mod")),
    ("main.go", include_str!("../templates/go/main.go")),
    ("skill.toml", include_str!("../templates/go/skill.toml")),
    ("wit/skill.wit", include_str!("../templates/go/wit/skill.wit")),
];

/// Path and text of each file of a skill in C.
pub const C: &[(&str, &str)] = &[
    (".gitignore", include_str!("../templates/c/gitignore")),
    ("README.md", include_str!("../templates/c/README.md")),
    ("cases.jsonl", include_str!("../templates/c/cases.jsonl")),
    ("skill.c", include_str!("../templates/c/skill.c")),
    ("skill.toml", include_str!("../templates/c/skill.toml")),
    ("wit/skill.wit", include_str!("../templates/c/wit/skill.wit")),
];

/// The text with the name of the skill, which is in kebab case, where its place is held: `{{name}}`, and `{{snake}}`
/// in names of C.
#[must_use]
pub fn fill(text: &str, name: &str) -> String {
    text.replace("{{name}}", name).replace("{{snake}}", &name.replace('-', "_"))
}
