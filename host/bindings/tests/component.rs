//! Core modules made components, with and without the adapter.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use ringfence_bindings::{Adapter, Error, ModuleTypes, c, component};
use wit_component::{DecodedWasm, decode};
use wit_parser::{Resolve, WorldId, WorldItem};

const WIT: &str = "package a:b; world w { export f: func(s: string) -> string; }";

fn world(wit: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    (resolve, world)
}

/// A module that the world fits, with imports of WASI preview 1.
fn core(imports: &[&str]) -> Vec<u8> {
    let imports: String =
        imports.iter().map(|name| format!("(import \"wasi_snapshot_preview1\" {name})")).collect();
    let text = format!(
        "(module {imports}
           (memory (export \"memory\") 1)
           (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable)
           (func (export \"f\") (param i32 i32) (result i32) unreachable))"
    );
    wat::parse_str(text).unwrap()
}

fn imports(component: &[u8]) -> Vec<String> {
    let DecodedWasm::Component(resolve, world) = decode(component).unwrap() else { panic!("no component") };
    let world = &resolve.worlds[world];
    let interfaces = world.imports.iter().filter(|(_, item)| matches!(item, WorldItem::Interface { .. }));
    interfaces.map(|(key, _)| resolve.name_world_key(key)).collect()
}

#[test]
fn the_adapter_contains_only_needed_parts() {
    let (resolve, world) = world(WIT);
    let nothing =
        component(&core(&[]), Some(ModuleTypes { resolve: &resolve, world }), Adapter::Wasi).unwrap();
    assert_eq!(imports(&nothing), Vec::<String>::new());
    assert_eq!(
        nothing,
        component(&core(&[]), Some(ModuleTypes { resolve: &resolve, world }), Adapter::None).unwrap()
    );

    let random = core(&["\"random_get\" (func (param i32 i32) (result i32))"]);
    let random = component(&random, Some(ModuleTypes { resolve: &resolve, world }), Adapter::Wasi).unwrap();
    assert_eq!(imports(&random), ["wasi:random/random@0.2.0"]);

    let file = core(&["\"path_unlink_file\" (func (param i32 i32 i32) (result i32))"]);
    let file = component(&file, Some(ModuleTypes { resolve: &resolve, world }), Adapter::Wasi).unwrap();
    assert_eq!(imports(&file), Vec::<String>::new());
}

#[test]
fn a_module_that_does_not_fit_the_world_is_an_error() {
    let (resolve, world) = world(WIT);
    let wasi = core(&["\"random_get\" (func (param i32 i32) (result i32))"]);
    let empty = wat::parse_str("(module)").unwrap();
    for (core, adapter) in
        [(&b"nonsense"[..], Adapter::Wasi), (&empty, Adapter::Wasi), (&wasi, Adapter::None)]
    {
        let error = component(core, Some(ModuleTypes { resolve: &resolve, world }), adapter);
        assert!(matches!(&error, Err(Error::Component(cause)) if !cause.to_string().is_empty()), "{error:?}");
    }
    // Without its types a module has no exports of a component, and is one nevertheless.
    assert!(component(&core(&[]), None, Adapter::None).is_ok());
}

#[test]
fn types_without_a_form_in_c_are_refused_by_name() {
    let (resolve, world) = world("package a:b; world w { export f: func(x: list<u8, 4>); }");
    let refused = c::bindings(&resolve, world);
    assert!(matches!(&refused, Err(Error::Unsupported { function, .. }) if function == "f"), "{refused:?}");
}

#[test]
fn the_object_file_for_c_carries_the_types() {
    let (resolve, world) = world(WIT);
    let files = c::bindings(&resolve, world).unwrap();
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["w.c", "w.h", "w_component_type.o"]);
    let section = b"component-type:w";
    let object = &files["w_component_type.o"];
    assert!(object.windows(section.len()).any(|window| window == section));
}
