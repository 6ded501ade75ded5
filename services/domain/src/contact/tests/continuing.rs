//! Going on from a hand-over: what is told is what is sent on, and whoever gives back keeps nothing but what was sent.

use nhipcau_proto::referral::v1::{Attachment, ReferralReporter, UnknownReason};

use super::*;
use crate::{
    handover::{Body, Handover, asked, tests::World},
    reason,
    referral::{Answer, HandBack, Objection, Personal, Revocation, Side},
};

/// The recipient's copy of a hand-over of which the offer says that this was asked.
fn theirs(details: &pb::ContactDetails) -> Handover {
    World::asking(asked(details)).recipient.unwrap()
}

fn go_on(handover: &Handover, told: &referral::ReferralContent) -> Result<Contact, Refusal> {
    let etag = handover.etag();
    Contact::continued(handover, told, &call(&etag, &person()), ids())
}

fn content_of(details: pb::ContactDetails) -> referral::ReferralContent {
    record(Some(details)).unwrap().report.content()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_told_is_sent_on_as_it_was_and_nobody_is_asked_twice(details in details(), salt in 0..3_u8) {
        let content = content_of(details.clone());
        let mut told = content.clone();
        // As it travels.
        told.identity.as_mut().unwrap().salt = vec![salt; 32];
        told.narrative.as_mut().unwrap().salt = vec![salt; 32];
        let own = go_on(&theirs(&details), &told).unwrap();
        prop_assert_eq!(own.report.content(), content);
        prop_assert_eq!(asked(own.report.details()), asked(&details));
        prop_assert_eq!((own.state, own.handover, own.uid), (State::Open, Some(Uuid::from_u128(3)), ids().contact));
        prop_assert_eq!(Contact::read(&own.write()).unwrap(), own);
    }
}

#[test]
fn what_nobody_knew_or_would_say_stays_so_and_what_nobody_asked_stays_open() {
    let refused = UnknownReason::Declined.into();
    let silent = referral::KnownText { value: String::new(), unknown: refused };
    let name = referral::ReferralIdentity { full_name: Some(silent), ..identity("x") };
    let stated = pb::ContactDetails {
        identity: Some(name.clone()),
        area_unknown: true,
        sex: referral::Sex::Unknown.into(),
        ..pb::ContactDetails::default()
    };
    let own = go_on(&theirs(&stated), &content_of(stated.clone())).unwrap();
    let known = own.report.details();
    assert_eq!((known.identity.clone(), known.narrative.clone(), known.area_unknown), (Some(name), None, true));
    assert_eq!((known.sex, known.subject, known.risk_level), (referral::Sex::Unknown.into(), 0, 0));
    let own = go_on(&theirs(&pb::ContactDetails::default()), &content_of(pb::ContactDetails::default())).unwrap();
    let soonest = referral::ResponseTimeframe::OneHour.into();
    assert_eq!(own.report.details(), &pb::ContactDetails { response_timeframe: soonest, ..Default::default() });
    let unstated = own.send(&sending(), &call("1", &person()), &ROUTES).unwrap_err();
    assert!(unstated.has(reason::FIELD_REQUIRED), "who is concerned is stated by somebody: {unstated:?}");
}

#[test]
fn neither_the_reporter_nor_what_is_attached_goes_on() {
    let mut told = content_of(pb::ContactDetails { identity: Some(identity("x")), ..least() });
    let salt = vec![7; 32];
    told.reporter = Some(ReferralReporter { salt, agreed: true, full_name: self::told("y"), ..Default::default() });
    let file = Attachment { digest: vec![7; 32], size_bytes: 9, ..Attachment::default() };
    told.identity.as_mut().unwrap().attachments.push(file);
    let own = go_on(&theirs(&least()), &told).unwrap();
    assert_eq!((own.report.details().reporter.clone(), own.report.parts().iter().count()), (None, 3));
    assert_eq!(own.report.details().identity, Some(identity("x")));
}

#[test]
fn only_a_person_goes_on_from_what_is_taken_as_they_read_it_and_only_while_something_is_told() {
    let told = content_of(least());
    let taken = theirs(&least());
    let (person, system, etag) = (person(), system(), taken.etag());
    let refused = |handover: &Handover, told: &referral::ReferralContent, call: &Call<'_>| {
        let refusal = Contact::continued(handover, told, call, ids()).unwrap_err();
        found(&refusal).into_iter().map(|(_, reason)| reason.to_owned()).collect::<Vec<_>>()
    };
    let stale = refused(&taken, &told, &call("1.0", &system));
    assert_eq!(stale, [reason::ETAG_STALE, reason::PERSON_REQUIRED]);
    let nothing = referral::ReferralContent::default();
    assert_eq!(refused(&taken, &nothing, &call(&etag, &person)), [reason::HANDOVER_CONTENT_GONE]);
    let mut world = World::new();
    world.deliver(Side::Recipient);
    world.write(Side::Recipient, Body::HandoverAccepted);
    for withdrawn in [false, true] {
        if withdrawn {
            assert!(world.write(Side::Origin, Body::HandoverWithdrawn { reason: Revocation::NeedMet }));
            assert!(world.deliver(Side::Recipient));
        }
        let handover = world.recipient.as_ref().unwrap();
        assert_eq!(refused(handover, &told, &call(&handover.etag(), &person)), [reason::WRONG_STATE]);
    }
}

#[test]
fn a_clock_at_the_origin_that_is_ahead_keeps_nobody_from_going_on() {
    let mut told = content_of(least());
    let received = |contact: &Contact| contact.report.received() - now();
    let own = go_on(&theirs(&least()), &told).unwrap();
    assert_eq!(received(&own), jiff::SignedDuration::from_secs(-60), "limits run from when it was received there");
    let reception = told.preview.as_mut().unwrap().reception.as_mut().unwrap();
    reception.report_time.as_mut().unwrap().seconds += 3_600;
    let own = go_on(&theirs(&least()), &told).unwrap();
    assert_eq!(received(&own), jiff::SignedDuration::ZERO);
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Arrives(Side),
    Continue,
    AskBack,
    HandBack,
    Close,
    Send,
    Yes,
    No,
    Never,
    Offer,
    Settled,
    Taken,
}

const STEPS: [Step; 13] = [
    Step::Arrives(Side::Origin),
    Step::Arrives(Side::Recipient),
    Step::Continue,
    Step::AskBack,
    Step::HandBack,
    Step::Close,
    Step::Send,
    Step::Yes,
    Step::No,
    Step::Never,
    Step::Offer,
    Step::Settled,
    Step::Taken,
];

/// A hand-over, and what its recipient has of its own from it.
struct Scene {
    world: World,
    own: Option<Contact>,
    /// Whether the content of the own contact is there.
    holds: bool,
    is_offered: bool,
}

impl Scene {
    fn step(&mut self, step: Step) {
        let request = Uuid::try_parse(REQUEST).unwrap();
        let standing = self.own.clone().filter(|_| self.holds);
        match (step, standing) {
            (Step::Arrives(side), _) => {
                self.world.deliver(side);
            }
            // As the service does: one for a hand-over.
            (Step::Continue, _) if self.own.is_none() => {
                let handover = self.world.recipient.as_ref().unwrap();
                self.own = go_on(handover, &content_of(least())).ok();
                self.holds = self.own.is_some();
            }
            (Step::AskBack, _) if self.own.as_ref().is_none_or(|own| own.against_hand_back().is_none()) => {
                self.world.write(Side::Recipient, Body::HandBackAsked { reason: HandBack::NoCapacity });
            }
            (Step::HandBack, _) => {
                self.world.write(Side::Origin, Body::HandedBack);
            }
            (Step::Close, Some(own)) if !self.is_offered => {
                let closed = own.close(1, &call(&own.etag(), &person()));
                self.own = closed.ok().or(Some(own));
            }
            (Step::Send, Some(own)) if !self.is_offered => {
                let sent = own.send(&sending(), &call(&own.etag(), &person()), &ROUTES);
                self.own = sent.ok().map(|sent| sent.contact).or(Some(own));
            }
            (Step::Yes, Some(own)) if own.may_be_referred() => {
                let answer = Answer::Submitted { case: own.case, referral: Uuid::from_u128(9) };
                self.own = own.answered(request, answer, now()).ok().or(Some(own));
            }
            (Step::No | Step::Never, Some(own)) if own.sending.is_some() => {
                let reason = if matches!(step, Step::No) { "NOT_AGREED" } else { reason::CONTACT_UNANSWERED };
                let candidates = Personal::new(Vec::new());
                let objection = Objection { subject: "request".into(), reason: reason.into(), candidates };
                self.own = own.answered(request, Answer::Refused(vec![objection]), now()).ok();
            }
            (Step::Offer, Some(own)) => {
                self.is_offered |= own.hand_over(&call(&own.etag(), &person())).is_ok();
            }
            (Step::Settled, _) => self.is_offered = false,
            (Step::Taken, Some(own)) if self.is_offered => {
                self.is_offered = false;
                self.own = Some(own.hand_over(&call(&own.etag(), &person())).unwrap());
            }
            _ => {}
        }
        self.follow();
    }

    fn has_ended(&self) -> bool {
        self.world.state(Side::Recipient).is_some_and(crate::handover::State::calls_for_erasure)
    }

    /// What the service does of itself.
    fn follow(&mut self) {
        let Some(own) = self.own.clone().filter(|_| self.holds && self.has_ended()) else { return };
        match own.given_back(self.is_offered, now()) {
            GivenBack::Erased(closed) => {
                assert_eq!((closed.state, closed.referral, closed.sending), (State::Closed, None, None));
                (self.own, self.holds) = (Some(*closed), false);
            }
            GivenBack::Undecided => assert!(own.sending.is_some() || self.is_offered),
            GivenBack::Kept => assert!(own.may_be_referred() || own.state == State::HandedOver),
        }
    }

    fn check(&self) {
        self.world.check();
        let referral = self.own.as_ref().and_then(|own| own.referral);
        assert!(referral.is_none() || self.holds, "a referral outweighs the end");
    }

    /// Everything arrives, everything is answered, and every offer comes to an end.
    fn exhausted(mut self, is_answered_with_a_referral: bool) -> Self {
        let answer = if is_answered_with_a_referral { Step::Yes } else { Step::No };
        for step in [Step::Arrives(Side::Origin), Step::Arrives(Side::Recipient)].repeat(9) {
            self.step(step);
        }
        if self.own.as_ref().is_some_and(|own| own.sending.is_some()) {
            self.step(answer);
        }
        self.step(Step::Settled);
        self
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_gives_back_keeps_nothing_but_what_was_sent(
        steps in prop::collection::vec(prop::sample::select(STEPS.to_vec()), 0..48),
        is_answered_with_a_referral in any::<bool>(),
    ) {
        let mut scene = Scene { world: World::asking(Vec::new()), own: None, holds: false, is_offered: false };
        for step in steps {
            let asked = |scene: &Scene| scene.world.recipient.as_ref().unwrap().view().hand_back.is_some();
            let (before, stood) = (asked(&scene), scene.own.clone());
            scene.step(step);
            scene.check();
            let is_new = !before && asked(&scene);
            let was_over = stood.is_none_or(|own| own.state == State::Closed && own.referral.is_none());
            prop_assert!(!is_new || was_over, "given back while a contact stood");
        }
        let end = scene.exhausted(is_answered_with_a_referral);
        end.check();
        let state = end.world.state(Side::Recipient).unwrap();
        prop_assert!(state.answers(state.responsible()));
        if end.has_ended() && end.holds {
            let own = end.own.unwrap();
            let is_elsewhere = own.state == State::HandedOver;
            prop_assert!(own.may_be_referred() || is_elsewhere, "content is kept, nothing was sent and nobody has it");
        }
    }
}
