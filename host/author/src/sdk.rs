//! The files of the Rust SDK, which each new skill gets a copy of. The SDK is not on a registry, and a copy builds
//! anywhere.

/// The files: path in the new folder, and text.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("sdk/README.md", include_str!("../../../skills/sdk/README.md")),
    ("sdk/Cargo.toml", include_str!("../../../skills/sdk/Cargo.toml")),
    ("sdk/src/budget.rs", include_str!("../../../skills/sdk/src/budget.rs")),
    ("sdk/src/clock.rs", include_str!("../../../skills/sdk/src/clock.rs")),
    ("sdk/src/config.rs", include_str!("../../../skills/sdk/src/config.rs")),
    ("sdk/src/convert.rs", include_str!("../../../skills/sdk/src/convert.rs")),
    ("sdk/src/host.rs", include_str!("../../../skills/sdk/src/host.rs")),
    ("sdk/src/http.rs", include_str!("../../../skills/sdk/src/http.rs")),
    ("sdk/src/kv.rs", include_str!("../../../skills/sdk/src/kv.rs")),
    ("sdk/src/lib.rs", include_str!("../../../skills/sdk/src/lib.rs")),
    ("sdk/src/log.rs", include_str!("../../../skills/sdk/src/log.rs")),
    ("sdk/src/panics.rs", include_str!("../../../skills/sdk/src/panics.rs")),
    ("sdk/src/printing.rs", include_str!("../../../skills/sdk/src/printing.rs")),
    ("sdk/src/progress.rs", include_str!("../../../skills/sdk/src/progress.rs")),
    ("sdk/src/random.rs", include_str!("../../../skills/sdk/src/random.rs")),
    ("sdk/src/secrets.rs", include_str!("../../../skills/sdk/src/secrets.rs")),
    ("sdk/src/skills.rs", include_str!("../../../skills/sdk/src/skills.rs")),
    ("sdk/macros/README.md", include_str!("../../../skills/sdk/macros/README.md")),
    ("sdk/macros/Cargo.toml", include_str!("../../../skills/sdk/macros/Cargo.toml")),
    ("sdk/macros/src/docs.rs", include_str!("../../../skills/sdk/macros/src/docs.rs")),
    ("sdk/macros/src/errors.rs", include_str!("../../../skills/sdk/macros/src/errors.rs")),
    ("sdk/macros/src/glue.rs", include_str!("../../../skills/sdk/macros/src/glue.rs")),
    ("sdk/macros/src/lib.rs", include_str!("../../../skills/sdk/macros/src/lib.rs")),
    ("sdk/macros/src/model.rs", include_str!("../../../skills/sdk/macros/src/model.rs")),
    ("sdk/macros/src/names.rs", include_str!("../../../skills/sdk/macros/src/names.rs")),
    ("sdk/macros/src/read.rs", include_str!("../../../skills/sdk/macros/src/read.rs")),
    ("sdk/macros/src/tests.rs", include_str!("../../../skills/sdk/macros/src/tests.rs")),
    ("sdk/macros/src/types.rs", include_str!("../../../skills/sdk/macros/src/types.rs")),
    ("sdk/macros/src/wit.rs", include_str!("../../../skills/sdk/macros/src/wit.rs")),
    ("sdk/wit/0.2.0/budget.wit", include_str!("../../../skills/sdk/wit/0.2.0/budget.wit")),
    ("sdk/wit/0.2.0/config.wit", include_str!("../../../skills/sdk/wit/0.2.0/config.wit")),
    ("sdk/wit/0.2.0/http.wit", include_str!("../../../skills/sdk/wit/0.2.0/http.wit")),
    ("sdk/wit/0.2.0/kv.wit", include_str!("../../../skills/sdk/wit/0.2.0/kv.wit")),
    ("sdk/wit/0.2.0/log.wit", include_str!("../../../skills/sdk/wit/0.2.0/log.wit")),
    ("sdk/wit/0.2.0/progress.wit", include_str!("../../../skills/sdk/wit/0.2.0/progress.wit")),
    ("sdk/wit/0.2.0/secrets.wit", include_str!("../../../skills/sdk/wit/0.2.0/secrets.wit")),
    ("sdk/wit/0.2.0/skill.wit", include_str!("../../../skills/sdk/wit/0.2.0/skill.wit")),
    ("sdk/wit/0.2.0/tools.wit", include_str!("../../../skills/sdk/wit/0.2.0/tools.wit")),
    ("sdk/wit/budget.wit", include_str!("../../../skills/sdk/wit/budget.wit")),
    ("sdk/wit/http.wit", include_str!("../../../skills/sdk/wit/http.wit")),
    ("sdk/wit/kv.wit", include_str!("../../../skills/sdk/wit/kv.wit")),
    ("sdk/wit/log.wit", include_str!("../../../skills/sdk/wit/log.wit")),
    ("sdk/wit/progress.wit", include_str!("../../../skills/sdk/wit/progress.wit")),
    ("sdk/wit/skill.wit", include_str!("../../../skills/sdk/wit/skill.wit")),
    ("sdk/wit/skills.wit", include_str!("../../../skills/sdk/wit/skills.wit")),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// A file that is in the SDK but not here would be missing in every new skill.
    #[test]
    fn every_file_of_the_sdk_is_included() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../skills/sdk"));
        let mut found = 0;
        for folder in ["", "src", "macros", "macros/src", "wit", "wit/0.2.0"] {
            for entry in std::fs::read_dir(root.join(folder)).expect("the SDK is there").flatten() {
                let path = entry.path();
                let text = path.extension().and_then(|extension| extension.to_str());
                if !path.is_file() || !matches!(text, Some("rs" | "toml" | "wit" | "md")) {
                    continue;
                }
                let name = format!("sdk/{}", path.strip_prefix(root).expect("it is in it").display());
                assert!(super::FILES.iter().any(|(known, _)| *known == name), "{name}");
                found += 1;
            }
        }
        assert_eq!(found, super::FILES.len());
    }
}
