//! The methods that exist, from the contracts: the only ones that are named in logs and metrics, since a path is text
//! that a caller chose.

use std::{collections::HashMap, sync::Arc};

use prost::Message as _;
use prost_types::FileDescriptorSet;

pub(super) struct Methods {
    known: HashMap<Arc<str>, Method>,
    other: Method,
}

/// What is known of a method.
#[derive(Clone)]
pub(super) struct Method {
    pub(super) name: Arc<str>,
    /// Whether its answer is a stream.
    pub(super) is_watch: bool,
}

impl Methods {
    /// Those of our contracts, of the health service and of reflection.
    pub(super) fn known() -> Self {
        let sets = [
            nhipcau_proto::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let mut known = HashMap::new();
        for file in sets.into_iter().flat_map(|set| FileDescriptorSet::decode(set).unwrap_or_default().file) {
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    let is_watch = method.server_streaming();
                    known.insert(format!("/{name}").into(), Method { name: name.into(), is_watch });
                }
            }
        }
        Self { known, other: Method { name: "other".into(), is_watch: false } }
    }

    /// The method at a path.
    pub(super) fn at(&self, path: &str) -> &Method {
        self.known.get(path).unwrap_or(&self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_contracts_are_named() {
        let methods = Methods::known();
        assert_eq!(&*methods.at("/grpc.health.v1.Health/Check").name, "grpc.health.v1.Health/Check");
        assert!(methods.known.keys().any(|path| path.starts_with("/nhipcau.referral.v1.")));
        assert_eq!(&*methods.at("/nhipcau.referral.v1.Nobody/Nguyen-Thi-A").name, "other");
    }
}
