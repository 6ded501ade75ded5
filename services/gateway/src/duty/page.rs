//! Pages: from what is shown to HTML. Templates escape whatever stands in them; nothing is escaped by hand.
//!
//! A page needs no script, loads nothing, and has its style in itself, so that one answer is all that a weak connection
//! has to carry. Titles say nothing of a case or a person.

use std::sync::LazyLock;

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use nhipcau_messaging::pae;
use uuid::Uuid;

use super::{
    act::Act,
    code::MINUTES,
    enquiry::Enquiries,
    person::Person,
    session::HOURS,
    shown::{Event, Opened, Waiting},
    work,
};

/// The style of every page.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");

/// What browsers may do with a page: apply this one style, send forms back here, and nothing else.
pub(crate) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(pae::sha256(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
});

/// Who asks for a code.
#[derive(Debug, Default, Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignIn {
    /// As it was given before.
    pub(crate) unit: String,
    /// Why they are here.
    pub(crate) error: Option<String>,
}

/// Who gives their code.
#[derive(Debug, Template)]
#[template(path = "code.html")]
pub(crate) struct Code {
    /// Why the one before did not do.
    pub(crate) error: Option<String>,
}

/// What waits.
#[derive(Debug, Template)]
#[template(path = "list.html")]
pub(crate) struct List<'p> {
    pub(crate) unit: String,
    pub(crate) person: &'p Person,
    pub(crate) waiting: Waiting,
    /// What is asked before there is a case.
    pub(crate) enquiries: Enquiries,
}

/// A branch.
#[derive(Debug, Template)]
#[template(path = "branch.html")]
pub(crate) struct Branch<'p> {
    pub(crate) unit: String,
    pub(crate) person: &'p Person,
    pub(crate) opened: Opened,
    /// When it was opened here.
    pub(crate) time: String,
    /// The same, for forms.
    pub(crate) now: Timestamp,
    /// Why what was asked for was not done, and how much of the history they had seen.
    pub(crate) refused: Option<(String, usize)>,
}

/// What is shown once more before it is asked for. Without content.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub(crate) struct Confirm {
    /// Of the branch.
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) act: Act,
    /// What is said with it.
    pub(crate) choice: i32,
    pub(crate) word: String,
    /// Those of the form that they have sent.
    pub(crate) request_id: Uuid,
    pub(crate) etag: String,
    pub(crate) seen: usize,
}

/// Something that cannot be done or shown.
#[derive(Debug, Template)]
#[template(path = "refused.html")]
pub(crate) struct Refused {
    pub(crate) text: String,
    /// The stable reason, for whoever is asked for help.
    pub(crate) reason: String,
}

impl Branch<'_> {
    /// A request id for one form of the page: whoever sends it twice asks once.
    fn request_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// What has happened since they saw it.
    fn news(&self) -> &[Event] {
        let seen = self.refused.as_ref().map_or(usize::MAX, |(_, seen)| *seen);
        self.opened.history.get(seen..).unwrap_or_default()
    }

    /// What can be said to be done.
    fn kinds(&self) -> Vec<(i32, String)> {
        work::kinds()
    }

    /// What is graded, by the names of its fields.
    fn criteria(&self) -> Vec<(&'static str, String)> {
        work::criteria()
    }

    /// The scale of form 06.
    fn levels(&self) -> Vec<(i32, String)> {
        work::levels()
    }

    /// What a review can come to.
    fn conclusions(&self) -> Vec<(i32, String)> {
        work::conclusions()
    }

    /// The time that a form begins with.
    fn local_time(&self) -> String {
        work::local_time(self.now)
    }

    fn longest_note(&self) -> usize {
        work::LONGEST_NOTE
    }
}

#[cfg(test)]
mod tests;
