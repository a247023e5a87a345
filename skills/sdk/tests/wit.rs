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
    for version in ["", "/0.2.0"] {
        let original = interfaces(&format!("../../wit{version}")).unwrap();
        assert!(original.contains_key("log.wit"));
        let copy = interfaces(&format!("wit{version}")).unwrap();
        assert_eq!(copy, original, "copy wit{version}/*.wit of the repository to skills/sdk/wit{version}");
    }
}
