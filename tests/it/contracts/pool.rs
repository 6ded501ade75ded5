//! The descriptors under test: those of the project, or those of a few lines written to break a rule.

use std::fs;

use prost_reflect::DescriptorPool;

use crate::repository;

/// Every contract of the project as the crate carries it.
pub(super) fn ours() -> DescriptorPool {
    let pool = DescriptorPool::decode(nhipcau_proto::DESCRIPTORS).expect("the descriptors decode");
    assert!(pool.get_message_by_name("nhipcau.envelope.v1.Envelope").is_some(), "no contracts were read");
    pool
}

/// The package `nhipcau.red.v1` with this body and nothing else.
pub(super) fn with(body: &str) -> DescriptorPool {
    encoded(body).0
}

/// The same, with its encoded descriptor set.
pub(crate) fn encoded(body: &str) -> (DescriptorPool, Vec<u8>) {
    let frame = r#"syntax = "proto3";
        package nhipcau.red.v1;
        import "buf/validate/validate.proto";
        import "google/api/field_behavior.proto";
        import "google/protobuf/any.proto";
        import "nhipcau/type/v1/sensitivity.proto";
"#;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("nhipcau/red/v1/red.proto");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("{frame}{body}")).unwrap();

    let contracts = repository::root().join("proto");
    let includes = [directory.path().to_owned(), contracts.clone(), contracts.join("third_party")];
    let mut compiler = protox::Compiler::new(includes).unwrap();
    compiler.include_source_info(true).include_imports(true);
    compiler.open_file("nhipcau/red/v1/red.proto").unwrap_or_else(|error| panic!("{error}"));
    let descriptors = compiler.encode_file_descriptor_set();
    (DescriptorPool::decode(descriptors.as_slice()).unwrap(), descriptors)
}
