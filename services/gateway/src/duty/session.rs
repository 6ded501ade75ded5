//! Who is signed in, for eight hours at most and no longer than they are on duty.
//!
//! Kept in memory alone: after a restart everybody signs in again. How many there are is bounded, of a person and
//! altogether; of more, the oldest end. So is how often each may ask for something.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use nhipcau_messaging::{
    pae::Digest,
    quota::{Quota, Rate},
};
use nhipcau_runtime::status::Refusal;
use tonic::Status;

use super::{
    person::{Person, Reached},
    refusal,
    token::Token,
};

/// For how long somebody is signed in.
pub(crate) const HOURS: u8 = 8;
/// Browsers of one person.
const OF_A_PERSON: usize = 4;
/// Altogether.
const MOST: usize = 4_096;
/// How often one may open or send something: more than a person does, and little for a program.
const CALLS: Rate = Rate { burst: 60, refill: Duration::from_secs(2) };

struct Session {
    reached: Reached,
    end: Timestamp,
    calls: Quota,
}

/// Everybody who is signed in.
#[derive(Default)]
pub(crate) struct Sessions(HashMap<Digest, Session>);

impl Sessions {
    /// Signs somebody in.
    pub(crate) fn open(&mut self, reached: Reached, token: &Token, now: Timestamp) {
        self.0.retain(|_, session| now < session.end);
        self.make_room(OF_A_PERSON, |session| session.reached.person == reached.person);
        self.make_room(MOST, |_| true);
        let end = now + SignedDuration::from_hours(HOURS.into());
        self.0.insert(token.digest(), Session { reached, end, calls: Quota::of(CALLS) });
    }

    /// Who asks for something. Whoever is not on duty any more, or is reached otherwise, is signed out.
    ///
    /// # Errors
    /// Nobody is signed in, or they ask too often.
    pub(crate) fn find(
        &mut self,
        token: &Token,
        now: Timestamp,
        is_on_duty: impl FnOnce(&Reached) -> bool,
    ) -> Result<Person, Status> {
        let digest = token.digest();
        let session = self.0.get_mut(&digest).ok_or_else(refusal::session)?;
        if session.end <= now || !is_on_duty(&session.reached) {
            self.0.remove(&digest);
            return Err(refusal::session());
        }
        session.calls.take().map_err(Refusal::too_often)?;
        Ok(session.reached.person.clone())
    }

    /// Signs out everybody whose time is over or who is not on duty any more.
    pub(crate) fn sweep(&mut self, now: Timestamp, is_on_duty: impl Fn(&Reached) -> bool) {
        self.0.retain(|_, session| now < session.end && is_on_duty(&session.reached));
    }

    /// Signs out.
    pub(crate) fn close(&mut self, token: &Token) {
        self.0.remove(&token.digest());
    }

    fn make_room(&mut self, most: usize, is_meant: impl Fn(&Session) -> bool) {
        while self.0.values().filter(|session| is_meant(session)).count() >= most {
            let oldest = self.0.iter().filter(|(_, session)| is_meant(session)).min_by_key(|(_, session)| session.end);
            let Some(oldest) = oldest.map(|(digest, _)| *digest) else { return };
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::{
        super::person::tests::{person, reached},
        *,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_417_200 + second).unwrap()
    }

    fn opened(sessions: &mut Sessions, name: &str, second: i64) -> Token {
        let token = Token::fresh();
        sessions.open(reached(name), &token, at(second));
        token
    }

    #[test]
    fn a_session_is_of_its_person_for_eight_hours() {
        let mut sessions = Sessions::default();
        let token = opened(&mut sessions, "cb-17", 0);
        assert_eq!(sessions.find(&token, at(28_799), |_| true).unwrap(), person("cb-17"));
        assert!(sessions.find(&Token::fresh(), at(0), |_| true).is_err());
        assert!(sessions.find(&token, at(28_800), |_| true).is_err());
    }

    #[test]
    fn whoever_is_on_no_shift_any_more_is_signed_out_for_good() {
        let mut sessions = Sessions::default();
        let token = opened(&mut sessions, "cb-17", 0);
        assert!(sessions.find(&token, at(1), |it| it.person != person("cb-17")).is_err());
        assert!(sessions.find(&token, at(2), |_| true).is_err());
    }

    #[test]
    fn who_signs_out_is_out() {
        let mut sessions = Sessions::default();
        let (token, other) = (opened(&mut sessions, "cb-17", 0), opened(&mut sessions, "cb-17", 0));
        sessions.close(&token);
        assert!(sessions.find(&token, at(1), |_| true).is_err());
        assert!(sessions.find(&other, at(1), |_| true).is_ok());
    }

    #[test]
    fn a_person_has_few_sessions_and_takes_none_from_others() {
        let mut sessions = Sessions::default();
        let other = opened(&mut sessions, "cb-18", 0);
        let tokens: Vec<_> = (1..=5).map(|second| opened(&mut sessions, "cb-17", second)).collect();
        let open = tokens.iter().map(|token| sessions.find(token, at(9), |_| true).is_ok());
        assert_eq!(open.collect::<Vec<_>>(), [false, true, true, true, true]);
        assert!(sessions.find(&other, at(9), |_| true).is_ok());
    }

    #[test]
    fn sessions_are_bounded_altogether() {
        let mut sessions = Sessions::default();
        let first = opened(&mut sessions, "cb-0", 0);
        for number in 1..=MOST {
            opened(&mut sessions, &format!("cb-{number}"), 1);
        }
        assert_eq!(sessions.0.len(), MOST);
        assert!(sessions.find(&first, at(2), |_| true).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_asks_so_often_and_no_more_and_others_all_the_same() {
        let mut sessions = Sessions::default();
        let (token, other) = (opened(&mut sessions, "cb-17", 0), opened(&mut sessions, "cb-17", 0));
        let mut calls = |token| sessions.find(token, at(1), |_| true).map_err(|status| status.code());
        assert!((0..CALLS.burst).all(|_| calls(&token).is_ok()));
        assert_eq!(calls(&token), Err(Code::ResourceExhausted));
        assert!(calls(&other).is_ok());
        tokio::time::advance(CALLS.refill).await;
        assert!(calls(&token).is_ok());
        assert_eq!(calls(&token), Err(Code::ResourceExhausted));
    }
}
