//! Who the child is, and who reported: the parts that name people.

use jiff::civil;
use nhipcau_proto::{google::r#type as google, referral::v1 as pb};

use super::{
    super::{
        code::{ContactChannel, Sex, Unknown},
        personal::Personal,
        text::Text,
        violation::Refusal,
        wire,
    },
    Attachment, Known, Salt, read_area, write_area,
};
use crate::{area::AdminUnitRef, reason};

const OLDEST: u32 = 120;
const LONGEST_DETAIL: usize = 200;

/// Who the child is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Random bytes of the part.
    pub salt: Salt,
    /// Name in official order.
    pub full_name: Known,
    /// Birth date or estimated age.
    pub birth: Birth,
    /// Sex.
    pub sex: Personal<Sex>,
    /// Where the child lives.
    pub home_area: Option<Personal<AdminUnitRef>>,
    /// Address where the child lives.
    pub home_address: Known,
    /// Where the child is now.
    pub current_area: Option<Personal<AdminUnitRef>>,
    /// The mother.
    pub mother: Option<Relative>,
    /// The father.
    pub father: Option<Relative>,
    /// Who cares for the child at present.
    pub carer: Option<Relative>,
    /// How to reach them without harm.
    pub contact: Option<SafeContact>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
}

/// Who reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// Random bytes of the part.
    pub salt: Salt,
    /// Name in official order.
    pub full_name: Known,
    /// Address.
    pub address: Known,
    /// How to reach them without harm.
    pub contact: Option<SafeContact>,
}

/// A birth date as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Birth {
    /// Year, year and month, or date.
    Date(Personal<Vagueness>),
    /// Estimated age in full years.
    EstimatedAge(Personal<u32>),
    /// Why there is neither.
    Unknown(Unknown),
}

/// A date of which the day, or day and month, may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vagueness {
    /// Only the year.
    Year(i16),
    /// Year and month.
    Month(i16, i8),
    /// The date.
    Day(civil::Date),
}

/// A parent or carer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// Name in official order.
    pub full_name: Known,
    /// Age in full years.
    pub age_years: Option<Personal<u32>>,
    /// Occupation.
    pub occupation: Known,
}

/// A contact detail with what makes it safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeContact {
    /// Channel; an unknown one is not used.
    pub channel: ContactChannel,
    /// Phone number or account.
    pub detail: Personal<Text>,
    /// Hours in which contact is safe.
    pub hours: Personal<Text>,
    /// Who may answer.
    pub answerer: Personal<Text>,
    /// Whether a message may be left.
    pub message_allowed: bool,
}

impl Identity {
    pub(super) fn read(value: &pb::ReferralIdentity, salt: Salt, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let at = |field: &str| format!("{path}.{field}");
        let full_name = Known::read(value.full_name.as_ref(), &at("full_name"), refusal);
        let birth = Birth::read(value.birth.as_ref(), &at("birth"), refusal);
        let sex = wire::code(Sex::from_wire(value.sex), &at("sex"), refusal);
        let home_area = read_area(value.home_area.as_ref(), &at("home_area"), refusal);
        let home_address = Known::read(value.home_address.as_ref(), &at("home_address"), refusal);
        let current_area = read_area(value.current_area.as_ref(), &at("current_area"), refusal);
        let mother = Relative::read(value.mother.as_ref(), &at("mother"), refusal);
        let father = Relative::read(value.father.as_ref(), &at("father"), refusal);
        let carer = Relative::read(value.carer.as_ref(), &at("carer"), refusal);
        let contact = SafeContact::read(value.contact.as_ref(), &at("contact"), refusal);
        let attachments = Attachment::read_all(&value.attachments, &at("attachments"), refusal);
        Some(Self {
            salt,
            full_name: full_name?,
            birth: birth?,
            sex: Personal::new(sex?),
            home_area,
            home_address: home_address?,
            current_area,
            mother,
            father,
            carer,
            contact,
            attachments,
        })
    }

    /// Encodes the part.
    #[must_use]
    pub fn write(&self) -> pb::ReferralIdentity {
        pb::ReferralIdentity {
            salt: self.salt.write(),
            full_name: Some(self.full_name.write()),
            birth: Some(self.birth.write()),
            sex: self.sex.expose().to_wire(),
            home_area: self.home_area.as_ref().map(write_area),
            home_address: Some(self.home_address.write()),
            current_area: self.current_area.as_ref().map(write_area),
            mother: self.mother.as_ref().map(Relative::write),
            father: self.father.as_ref().map(Relative::write),
            carer: self.carer.as_ref().map(Relative::write),
            contact: self.contact.as_ref().map(SafeContact::write),
            attachments: self.attachments.iter().map(Attachment::write).collect(),
        }
    }
}

impl Reporter {
    pub(super) fn read(value: &pb::ReferralReporter, salt: Salt, path: &str, refusal: &mut Refusal) -> Option<Self> {
        if !value.agreed {
            refusal.add(path, reason::REPORTER_NOT_AGREED);
        }
        let full_name = Known::read(value.full_name.as_ref(), &format!("{path}.full_name"), refusal);
        let address = Known::read(value.address.as_ref(), &format!("{path}.address"), refusal);
        let contact = SafeContact::read(value.contact.as_ref(), &format!("{path}.contact"), refusal);
        Some(Self { salt, full_name: full_name?, address: address?, contact })
    }

    /// Encodes the part.
    #[must_use]
    pub fn write(&self) -> pb::ReferralReporter {
        pb::ReferralReporter {
            salt: self.salt.write(),
            agreed: true,
            full_name: Some(self.full_name.write()),
            address: Some(self.address.write()),
            contact: self.contact.as_ref().map(SafeContact::write),
        }
    }
}

impl Birth {
    fn read(value: Option<&pb::Birth>, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let value = wire::required(value, path, refusal)?;
        match (&value.birth_date, value.estimated_age_years, Unknown::from_wire(value.unknown)) {
            (Some(date), None, None) => {
                Vagueness::read(date, path, refusal).map(|date| Self::Date(Personal::new(date)))
            }
            (None, Some(age), None) if age <= OLDEST => Some(Self::EstimatedAge(Personal::new(age))),
            (None, None, Some(unknown)) => Some(Self::Unknown(unknown)),
            (None, None, None) => {
                refusal.add(path, reason::FIELD_REQUIRED);
                None
            }
            _ => {
                refusal.add(path, reason::FIELD_FORMAT);
                None
            }
        }
    }

    fn write(&self) -> pb::Birth {
        let mut value = pb::Birth::default();
        match self {
            Self::Date(date) => value.birth_date = Some(date.expose().write()),
            Self::EstimatedAge(age) => value.estimated_age_years = Some(*age.expose()),
            Self::Unknown(unknown) => value.unknown = unknown.to_wire(),
        }
        value
    }
}

impl Vagueness {
    fn read(value: &google::Date, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let date = (|| {
            let year = i16::try_from(value.year).ok().filter(|year| (1..=9_999).contains(year))?;
            let month = i8::try_from(value.month).ok()?;
            let day = i8::try_from(value.day).ok()?;
            match (month, day) {
                (0, 0) => Some(Self::Year(year)),
                (1..=12, 0) => Some(Self::Month(year, month)),
                _ => civil::Date::new(year, month, day).ok().map(Self::Day),
            }
        })();
        if date.is_none() {
            refusal.add(path, reason::DATE_INVALID);
        }
        date
    }

    fn write(self) -> google::Date {
        let (year, month, day) = match self {
            Self::Year(year) => (year, 0, 0),
            Self::Month(year, month) => (year, month, 0),
            Self::Day(date) => (date.year(), date.month(), date.day()),
        };
        google::Date { year: year.into(), month: month.into(), day: day.into() }
    }
}

impl Relative {
    fn read(value: Option<&pb::Relative>, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let value = value?;
        let full_name = Known::read(value.full_name.as_ref(), &format!("{path}.full_name"), refusal);
        let occupation = Known::read(value.occupation.as_ref(), &format!("{path}.occupation"), refusal);
        if value.age_years.is_some_and(|age| age > OLDEST) {
            refusal.add(format!("{path}.age_years"), reason::FIELD_FORMAT);
        }
        Some(Self { full_name: full_name?, age_years: value.age_years.map(Personal::new), occupation: occupation? })
    }

    fn write(&self) -> pb::Relative {
        pb::Relative {
            full_name: Some(self.full_name.write()),
            age_years: self.age_years.as_ref().map(|age| *age.expose()),
            occupation: Some(self.occupation.write()),
        }
    }
}

impl SafeContact {
    fn read(value: Option<&pb::SafeContact>, path: &str, refusal: &mut Refusal) -> Option<Self> {
        let value = value?;
        let channel = wire::code(ContactChannel::from_wire(value.channel), &format!("{path}.channel"), refusal);
        let mut text = |text: &str, field: &str| {
            Text::read(text, LONGEST_DETAIL, &format!("{path}.{field}"), refusal).map(Personal::new)
        };
        let detail = text(&value.detail, "detail");
        let hours = text(&value.hours, "hours");
        let answerer = text(&value.answerer, "answerer");
        Some(Self {
            channel: channel?,
            detail: detail?,
            hours: hours?,
            answerer: answerer?,
            message_allowed: value.message_allowed,
        })
    }

    fn write(&self) -> pb::SafeContact {
        pb::SafeContact {
            channel: self.channel.to_wire(),
            detail: self.detail.expose().as_str().to_owned(),
            hours: self.hours.expose().as_str().to_owned(),
            answerer: self.answerer.expose().as_str().to_owned(),
            message_allowed: self.message_allowed,
        }
    }
}
