//! Who is in the sandbox: names, and where each thing lies below its home. Pure.

use std::path::PathBuf;

use nhipcau_runtime::caller::Role;

/// An access point of the sandbox: it serves the party of its name, for one calling system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// Name of the access point and of its party.
    pub(crate) name: &'static str,
    /// Name of the calling system within the party.
    pub(crate) system: &'static str,
    /// What it is there for.
    pub(crate) about: &'static str,
}

/// The access points, in the order in which they are started.
pub(crate) const MEMBERS: [Member; 4] = [
    Member { name: "moha", system: "statistics", about: "publishes figures" },
    Member { name: "moh", system: "hotline", about: "switchboard 111; holds the figures" },
    Member { name: "vwu", system: "desk", about: "intake desk of a shelter; holds the figures" },
    Member { name: "hanoi", system: "commune", about: "communes of Hà Nội" },
];

/// What a calling system of the sandbox may do: everything, because one person plays all parts.
pub(crate) const ROLES: [Role; 6] = Role::ALL;

/// Name under which the broker's operator logs in.
pub(crate) const OPERATOR: &str = "operator";

/// The programme of the sandbox's directory.
pub(crate) const PROGRAMME: &str = "sandbox";

/// The three signers: key, holder, whether it is the programme office.
pub(crate) const SIGNERS: [(&str, &str, bool); 3] =
    [("moh-1", "moh", false), ("vwu-1", "vwu", false), ("office-1", "office", true)];

/// Contracts that the directory lists, with their newest minor version.
pub(crate) const CONTRACTS: [(&str, u32); 4] = [
    ("nhipcau.indicator.v1", 0),
    ("nhipcau.placement.v1", 1),
    ("nhipcau.referral.v1", 4),
    ("nhipcau.switchboard.v1", 0),
];

impl Member {
    /// The member of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        MEMBERS.into_iter().find(|member| member.name == name)
    }

    /// The calling system as certificates and roles name it: `party/system`.
    pub(crate) fn system_name(self) -> String {
        format!("{}/{}", self.name, self.system)
    }

    /// Where the calling system's files lie below the sandbox's home.
    pub(crate) fn system_directory(self) -> PathBuf {
        PathBuf::from("systems").join(format!("{}-{}", self.name, self.system))
    }
}
