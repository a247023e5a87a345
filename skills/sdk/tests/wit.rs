//! The copy of the host's interfaces is what the repository has.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

fn interfaces(folder: &str) -> io::Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            texts.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(texts)
}

#[test]
fn the_copy_is_the_original() {
    let original = interfaces("../../wit").unwrap();
    assert!(original.contains_key("log.wit"));
    assert_eq!(interfaces("wit").unwrap(), original, "copy wit/*.wit of the repository to skills/sdk/wit");
}
