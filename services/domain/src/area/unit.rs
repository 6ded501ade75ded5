//! One administrative unit, and the reference to one that travels.

use std::{fmt, str::FromStr};

use super::Validity;

/// A tier of local government. Districts exist only until 30 June 2025.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Province or centrally run city: codes of 2 digits.
    Province,
    /// District: codes of 3 digits.
    District,
    /// Commune, ward, township or special zone: codes of 5 digits.
    Commune,
}

impl Level {
    /// The level of a code, which its length tells.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        if !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match code.len() {
            2 => Some(Self::Province),
            3 => Some(Self::District),
            5 => Some(Self::Commune),
            _ => None,
        }
    }

    /// The word used in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Province => "province",
            Self::District => "district",
            Self::Commune => "commune",
        }
    }
}

/// What a unit is called in law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Thành phố: centrally run, or of a province until 2025.
    City,
    /// Tỉnh.
    Province,
    /// Quận, until 2025.
    UrbanDistrict,
    /// Huyện, until 2025.
    RuralDistrict,
    /// Thị xã, until 2025.
    Town,
    /// Phường.
    Ward,
    /// Xã.
    Commune,
    /// Thị trấn, until 2025.
    Township,
    /// Đặc khu, since 2025.
    SpecialZone,
}

impl Kind {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "city" => Self::City,
            "province" => Self::Province,
            "urban_district" => Self::UrbanDistrict,
            "rural_district" => Self::RuralDistrict,
            "town" => Self::Town,
            "ward" => Self::Ward,
            "commune" => Self::Commune,
            "township" => Self::Township,
            "special_zone" => Self::SpecialZone,
            _ => return None,
        })
    }
}

/// A unit as it was between two dates. A unit that changes its kind or name is another entry with the same code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminUnit {
    /// Official code, digits with leading zeros.
    pub code: Box<str>,
    /// Tier.
    pub level: Level,
    /// Code of the unit it belongs to, one tier up in its own time; none for a province.
    pub parent: Option<Box<str>>,
    /// What it is called in law.
    pub kind: Kind,
    /// Official Vietnamese name with the kind in front, in NFC.
    pub name: Box<str>,
    /// When it was in force.
    pub validity: Validity,
}

/// A reference to a unit: its text is `CODE@VERSION`, such as `00004@VN-34-2026`, which is also a valid SDMX code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdminUnitRef {
    /// Official code.
    pub code: Box<str>,
    /// Tier, which follows from the code.
    pub level: Level,
    /// Version of the list that the code is taken from.
    pub code_list_version: Box<str>,
}

/// Why a text is not a reference to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdminUnitRef {
    /// The code stands alone: which unit it means cannot be told.
    #[error("an administrative unit needs the version of its code list: CODE@VERSION")]
    NoVersion,
    /// Not a code of 2, 3 or 5 digits followed by a version.
    #[error("not a reference to an administrative unit: expected CODE@VERSION")]
    Malformed,
}

impl AdminUnitRef {
    /// Checks the syntax; whether the unit exists is for [`super::AreaList::unit`] to say.
    ///
    /// # Errors
    /// [`InvalidAdminUnitRef`] when a part is missing or malformed.
    pub fn new(code: &str, code_list_version: &str) -> Result<Self, InvalidAdminUnitRef> {
        let level = Level::of_code(code).ok_or(InvalidAdminUnitRef::Malformed)?;
        if code_list_version.is_empty() {
            return Err(InvalidAdminUnitRef::NoVersion);
        }
        if !is_version(code_list_version) {
            return Err(InvalidAdminUnitRef::Malformed);
        }
        Ok(Self { code: code.into(), level, code_list_version: code_list_version.into() })
    }
}

impl FromStr for AdminUnitRef {
    type Err = InvalidAdminUnitRef;

    fn from_str(text: &str) -> Result<Self, InvalidAdminUnitRef> {
        let (code, version) = text.split_once('@').unwrap_or((text, ""));
        Self::new(code, version)
    }
}

impl fmt::Display for AdminUnitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.code, self.code_list_version)
    }
}

pub(super) fn is_version(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
