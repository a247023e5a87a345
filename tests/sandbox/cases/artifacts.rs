//! Compiled code runs only as the skill from which it was compiled.

use ringfence::{Allocator, Artifact, Digest, Fault, LoadError};
use ringfence_sandbox_tests::{host, wasm, wat_guests as guests};

/// Two skills that differ in no name, type or import, but in their bytes.
fn twins() -> [Vec<u8>; 2] {
    let other = guests::ECHO.replacen("i32.const 1024", "i32.const 2048", 1);
    assert_ne!(guests::ECHO, other);
    [wasm(guests::ECHO), wasm(&other)]
}

#[test]
fn an_artifact_links_to_its_own_skill_only() {
    let host = host(Allocator::OnDemand);
    let [a, b] = twins().map(|bytes| host.validate(bytes).expect("valid"));
    let of_b = ringfence::compile(&b).expect("it compiles");
    assert_eq!(of_b.skill(), b.digest());
    host.link(&b, &of_b).expect("its own");
    host.link_described(&b.described(), &of_b).expect("its own");

    for linked in [host.link(&a, &of_b), host.link_described(&a.described(), &of_b)] {
        let error = linked.expect_err("it is of another skill");
        assert_eq!(error.code(), "foreign-artifact");
        assert_eq!(error.fault(), Fault::Host);
        let text = error.to_string();
        for part in [
            format!("cannot link the artifact to skill {}", a.digest()),
            format!("it was compiled from {}", b.digest()),
            "; link the artifact that was compiled from this skill".to_owned(),
        ] {
            assert!(text.contains(&part), "{text}");
        }
        match error {
            LoadError::ForeignArtifact { skill, compiled_from } => {
                assert_eq!((skill, compiled_from), (a.digest(), b.digest()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_constructor_of_an_artifact_keeps_its_skill() {
    let [bytes, _] = twins();
    let digest = Digest::of(&bytes);
    let skill = host(Allocator::OnDemand).validate(bytes.clone()).expect("valid");
    let target = ringfence::Target::Pulley64;
    for artifact in [
        ringfence::compile_for(&skill, target).expect("it compiles"),
        ringfence::compile_bytes(&bytes, Some(target)).expect("it compiles"),
        // SAFETY: it is never loaded.
        #[expect(unsafe_code, reason = "proof above")]
        unsafe {
            Artifact::from_trusted(digest, Vec::new())
        },
    ] {
        assert_eq!(artifact.skill(), digest);
    }
}

#[test]
fn the_engine_version_is_that_of_the_lock_file() {
    let lock = include_str!("../../../Cargo.lock");
    let version = ringfence::WASMTIME_VERSION;
    let told = format!("name = \"wasmtime\"\nversion = \"{version}\"\n");
    assert!(lock.contains(&told), "{version}");
}
