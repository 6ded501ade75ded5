//! Codes by which somebody signs in: eight digits, for ten minutes, five tries, once.
//!
//! A code counts only together with the secret that the browser was given which asked for it: whoever guesses needs a
//! code of their own, and spoils nobody else's. Codes are kept as digests under a key of this process, and none is told
//! to whoever is not on duty. How many are told is limited for each person and each unit: who asks for more is
//! answered like everybody, and gets none. That, and that nothing is kept of people who are not on duty, keeps what is
//! kept small.

use std::{collections::HashMap, time::Duration};

use aws_lc_rs::hmac;
use jiff::{SignedDuration, Timestamp};
use nhipcau_domain::referral::{Personal, UnitRef};
use nhipcau_messaging::{
    Entropy as _, SystemEntropy,
    pae::Digest,
    quota::{Quota, Rate},
};

use super::{
    person::{Person, Reached},
    token::Token,
};

/// For how many minutes a code counts.
pub(crate) const MINUTES: u8 = 10;
/// How often a wrong one may be given.
const TRIES: u8 = 5;
/// How often one person is told a code …
const PERSON: Rate = Rate { burst: 3, refill: Duration::from_secs(300) };
/// … and how often people of one unit are.
const UNIT: Rate = Rate { burst: 24, refill: Duration::from_secs(30) };

/// Eight digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code(Personal<Box<str>>);

impl Code {
    /// A new one.
    pub(crate) fn fresh() -> Self {
        let mut bytes = [0; 8];
        SystemEntropy.fill(&mut bytes);
        // 2^64 is so much more than 10^8 that no code is likelier than another by anything that counts.
        Self::of(u64::from_le_bytes(bytes) % 100_000_000)
    }

    pub(super) fn of(number: u64) -> Self {
        Self(Personal::new(format!("{number:08}").into()))
    }

    /// For telling it to its person.
    pub(crate) fn told(self) -> Personal<Box<str>> {
        self.0
    }
}

/// A code that somebody was told.
struct Asked {
    reached: Reached,
    tag: hmac::Tag,
    end: Timestamp,
    tries: u8,
}

/// Every code that counts.
pub(crate) struct Codes {
    key: hmac::Key,
    asked: HashMap<Digest, Asked>,
    people: HashMap<Person, Quota>,
    units: HashMap<UnitRef, Quota>,
}

impl Codes {
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        SystemEntropy.fill(&mut key);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        Self { key, asked: HashMap::new(), people: HashMap::new(), units: HashMap::new() }
    }

    /// Takes a code that is to be told to somebody on duty; false when they, or their unit, were told too many: then
    /// it does not count and is not told.
    pub(crate) fn take(&mut self, reached: &Reached, token: &Token, code: &Code, now: Timestamp) -> bool {
        let person = &reached.person;
        if !self.people.entry(person.clone()).or_insert_with(|| Quota::of(PERSON)).spend()
            || !self.units.entry(person.unit.clone()).or_insert_with(|| Quota::of(UNIT)).spend()
        {
            return false;
        }
        self.asked.retain(|_, asked| now < asked.end);
        let end = now + SignedDuration::from_mins(MINUTES.into());
        // Compared here, and told elsewhere.
        let tag = self.tag(token, code.0.expose());
        self.asked.insert(token.digest(), Asked { reached: reached.clone(), tag, end, tries: TRIES });
        true
    }

    /// Who gives the code that they were told, once.
    pub(crate) fn give(&mut self, token: &Token, code: &str, now: Timestamp) -> Option<Reached> {
        let given = self.tag(token, code);
        let digest = token.digest();
        let asked = self.asked.get_mut(&digest)?;
        asked.tries = asked.tries.saturating_sub(1);
        let counts = now < asked.end;
        let fits =
            counts && aws_lc_rs::constant_time::verify_slices_are_equal(asked.tag.as_ref(), given.as_ref()).is_ok();
        if !fits && counts && asked.tries > 0 {
            return None;
        }
        self.asked.remove(&digest).filter(|_| fits).map(|asked| asked.reached)
    }

    fn tag(&self, token: &Token, code: &str) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(token.digest().as_ref());
        context.update(code.as_bytes());
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::{super::person::tests::reached, *};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_417_200 + second).unwrap()
    }

    /// Somebody asked for a code.
    fn asked(codes: &mut Codes, name: &str, number: u64) -> Token {
        let token = Token::fresh();
        assert!(codes.take(&reached(name), &token, &Code::of(number), at(0)));
        token
    }

    #[test]
    fn a_code_lets_its_person_in_once() {
        let mut codes = Codes::new();
        let token = asked(&mut codes, "cb-17", 41_952);
        assert_eq!(codes.give(&token, "00041952", at(599)), Some(reached("cb-17")));
        assert_eq!(codes.give(&token, "00041952", at(599)), None);
    }

    #[test]
    fn a_code_ends_after_ten_minutes() {
        let mut codes = Codes::new();
        let token = asked(&mut codes, "cb-17", 41_952);
        assert_eq!(codes.give(&token, "00041952", at(600)), None);
    }

    #[test]
    fn the_fifth_wrong_try_ends_a_code() {
        for wrong in 0..=5 {
            let mut codes = Codes::new();
            let token = asked(&mut codes, "cb-17", 41_952);
            assert!((0..wrong).all(|_| codes.give(&token, "00000000", at(1)).is_none()));
            assert_eq!(codes.give(&token, "00041952", at(1)).is_some(), wrong < 5, "{wrong}");
        }
    }

    #[test]
    fn a_code_counts_only_in_the_browser_that_asked_for_it() {
        let mut codes = Codes::new();
        let (mine, other) = (asked(&mut codes, "cb-17", 41_952), asked(&mut codes, "cb-17", 1));
        for _ in 0..9 {
            assert_eq!(codes.give(&other, "00041952", at(1)), None);
            assert_eq!(codes.give(&Token::fresh(), "00041952", at(1)), None);
        }
        assert_eq!(codes.give(&mine, "00041952", at(1)), Some(reached("cb-17")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_is_told_few_codes_and_others_all_the_same() {
        let mut codes = Codes::new();
        let mut take = |name: &str| codes.take(&reached(name), &Token::fresh(), &Code::of(1), at(0));
        assert_eq!([(); 4].map(|()| take("cb-17")), [true, true, true, false]);
        assert!(take("cb-18"));
        advance(PERSON.refill).await;
        assert_eq!([(); 2].map(|()| take("cb-17")), [true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_unit_is_told_few_codes_whoever_of_it_asks() {
        let mut codes = Codes::new();
        let told = (0..UNIT.burst * 2)
            .filter(|number| codes.take(&reached(&format!("cb-{number}")), &Token::fresh(), &Code::of(1), at(0)));
        assert_eq!(told.count(), UNIT.burst as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_stays_small() {
        let (mut codes, mut now) = (Codes::new(), at(0));
        for _ in 0..100 {
            codes.take(&reached("cb-17"), &Token::fresh(), &Code::of(1), now);
            assert!(codes.asked.len() <= 5, "{}", codes.asked.len());
            now += SignedDuration::from_secs(60);
            advance(Duration::from_secs(60)).await;
        }
    }

    #[test]
    fn a_code_has_eight_digits_and_is_not_shown() {
        for _ in 0..100 {
            let code = Code::fresh();
            assert_eq!(format!("{code:?}"), "Code(***)");
            let told = code.told().into_inner();
            assert!(told.len() == 8 && told.bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
