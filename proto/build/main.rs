//! Compiles the contracts without a system compiler: protox parses, prost and tonic generate the types, and the
//! `buf.validate` rules become plain Rust checks. A rule that could not be generated fails the build, so that no
//! rule is ever skipped in silence. The encoded descriptor set is kept, because custom options (sensitivity,
//! validation rules) survive only there.

mod oneof;

use prost_reflect::DescriptorPool;
use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

/// Packages that only annotate: no Rust type is generated for them.
const ANNOTATIONS: [&str; 2] = ["buf.validate", "google.api"];

#[expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]
fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed=nhipcau");
    println!("cargo:rerun-if-changed=third_party");

    let mut files = Vec::new();
    contracts(&root.join("nhipcau"), &mut files)?;
    files.push(PathBuf::from("google/type/date.proto"));
    files.sort();

    let mut compiler = protox::Compiler::new([root.clone(), root.join("third_party")])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors)?;

    let mut types = compiler.file_descriptor_set();
    types.file.retain(|file| !ANNOTATIONS.contains(&file.package()));
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure().include_file("contracts.rs").compile_fds_with_config(types, config)?;

    let pool = DescriptorPool::decode(descriptors.as_slice())?;
    prost_protovalidate_build::Builder::new()
        .file_descriptor_set_bytes(oneof::hide(&pool, &descriptors)?)
        .extern_path(".buf", "::prost_protovalidate::types")
        .extern_path(".google", "::prost_types")
        .fail_on_runtime_only(true)
        .compile()?;
    let checks = out.join("validate_impl.rs");
    let generated = fs::read_to_string(&checks)?;
    fs::write(&checks, oneof::restore(&pool, &generated)?)?;
    Ok(())
}

fn contracts(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            contracts(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
