//! Compiles the contracts without a system compiler: protox parses, prost and tonic generate. The encoded
//! descriptor set is kept, because custom options (sensitivity, validation rules) survive only there.

use std::{env, error::Error, fs, path::{Path, PathBuf}};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed=nhipcau");
    println!("cargo:rerun-if-changed=third_party");

    let mut files = Vec::new();
    contracts(&root.join("nhipcau"), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([root.clone(), root.join("third_party")])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().include_file("contracts.rs").compile_fds(compiler.file_descriptor_set())?;
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
