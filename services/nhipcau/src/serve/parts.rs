//! The services of this program, and which of them a process has.

use crate::check::Finding;

/// A service, as `access_point.services` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Statistics.
    Indicators,
}

impl Service {
    /// All of them.
    pub(super) const ALL: [Self; 1] = [Self::Indicators];

    /// Its name in the configuration.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Indicators => "indicators",
        }
    }
}

/// What is named and not known.
pub(super) fn unknown(named: &[String]) -> Vec<Finding> {
    let known = Service::ALL.map(Service::name);
    let missing = named.iter().filter(|name| !known.contains(&name.as_str()));
    let problem = |_| {
        let what = "access_point.services names a service that this program does not have";
        Finding::problem("configuration", what, format!("name some of {}, or none for all", known.join(", ")))
    };
    missing.map(problem).collect()
}

/// The services that are named; all when none is.
pub(super) fn chosen(named: &[String]) -> Vec<Service> {
    let is_chosen = |service: &Service| named.is_empty() || named.iter().any(|name| name == service.name());
    Service::ALL.into_iter().filter(is_chosen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_every_service() {
        assert_eq!(chosen(&[]), Service::ALL);
        assert_eq!(chosen(&["indicators".to_owned()]), [Service::Indicators]);
    }

    #[test]
    fn every_unknown_name_is_a_problem_and_none_is_repeated() {
        let named = ["indicators", "indicator", "secret"].map(str::to_owned);
        let problems = unknown(&named);
        assert_eq!(problems.len(), 2);
        assert!(problems.iter().all(|problem| !problem.to_string().contains("secret")));
        assert!(unknown(&[]).is_empty());
    }
}
