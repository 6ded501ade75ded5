//! What a release must contain, and what it answers: references, hosting, agreements.

use super::*;
use crate::directory::{LISTED_VIOLATIONS, authoring};
use crate::reason;
use nhipcau_proto::google::r#type::Date;

#[test]
fn what_no_agreement_allows_is_denied() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    let allows = |sender, contract: ContractId, recipient, purposed| {
        let (sender, recipient) = (party(sender), party(recipient));
        release.allows(&sender, &contract, &recipient, &purpose(purposed), day(15))
    };
    assert!(allows("moh", referral(), "hanoi", "protection"));
    assert!(!allows("hanoi", referral(), "moh", "protection"), "it has a direction");
    assert!(!allows("moh", indicator(), "hanoi", "protection"), "a contract");
    assert!(!allows("moh", referral(), "vwu", "protection"), "a recipient");
    assert!(!allows("moh", referral(), "hanoi", "research"), "a purpose");
    assert!(!allows("moh", referral(), "moh", "protection"), "even to oneself");
    assert!(!allows("nobody", referral(), "hanoi", "protection"));
}

#[test]
fn an_agreement_holds_from_its_start_until_just_before_its_end() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    let instant = SignedDuration::from_nanos(1);
    let allows = |at| release.allows(&party("hanoi"), &referral(), &party("vwu"), &purpose("protection"), at);
    assert!(!allows(day(10) - instant));
    assert!(allows(day(10)));
    assert!(allows(day(20) - instant));
    assert!(!allows(day(20)));
}

#[test]
fn an_agreement_ends_with_either_party() {
    let ceremony = ceremony();
    for gone in ["moh", "hanoi"] {
        let builder =
            programme(&ceremony.root).party(&party(gone), ("Bên", "Party"), Validity::between(day(0), day(5)));
        let release = ceremony.release(&builder);
        let allows = |at| release.allows(&party("moh"), &referral(), &party("hanoi"), &purpose("protection"), at);
        assert!(allows(day(4)));
        assert!(!allows(day(5)));
    }
}

#[test]
fn a_party_that_is_over_and_has_successors_goes_on_with_what_is_open_alone() {
    let ceremony = ceremony();
    for gone in ["moh", "hanoi"] {
        let validity = Validity::between(day(0), day(5));
        let over = || programme(&ceremony.root).party(&party(gone), ("Bên", "Party"), validity);
        let goes_on = |release: &Release, at| {
            release.lets_go_on(&party("moh"), &referral(), &party("hanoi"), &purpose("protection"), at)
        };
        let release = ceremony.release(&over());
        assert!(goes_on(&release, day(4)) && !goes_on(&release, day(5)), "nobody follows");
        let release = ceremony.release(&over().with(|wire| {
            let gone = wire.parties.iter_mut().find(|it| it.party == gone).unwrap();
            gone.successors = vec!["vwu".into()];
        }));
        assert!(goes_on(&release, day(5)));
        assert!(!release.allows(&party("moh"), &referral(), &party("hanoi"), &purpose("protection"), day(5)));
    }
}

#[test]
fn broadcasting_is_for_publishers_alone() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    assert!(release.broadcast_allowed(&party("moh"), &indicator()));
    assert!(!release.broadcast_allowed(&party("moh"), &referral()));
    assert!(!release.broadcast_allowed(&party("vwu"), &indicator()));
}

#[test]
fn the_lowest_limit_of_the_agreements_in_force_counts_and_none_is_none() {
    let ceremony = ceremony();
    let (moh, hanoi) = (party("moh"), party("hanoi"));
    let with = |limits: &'static [u32]| {
        programme(&ceremony.root).with(move |wire| {
            let is_meant = |it: &&pb::Agreement| it.sender_party == "moh" && it.recipient_party == "hanoi";
            let agreed = wire.agreements.iter().find(is_meant).unwrap().clone();
            wire.agreements
                .extend(limits.iter().map(|most| pb::Agreement { hourly_acceptances: *most, ..agreed.clone() }));
        })
    };
    for (limits, expected) in [(&[][..], None), (&[0], None), (&[10, 0, 3], Some(3)), (&[10_000], Some(10_000))] {
        let release = ceremony.release(&with(limits));
        let limit = |from, to, purposed| {
            release
                .hourly_acceptances(from, &referral(), to, &purpose(purposed), day(15))
                .map(std::num::NonZeroU32::get)
        };
        assert_eq!(limit(&moh, &hanoi, "protection"), expected, "{limits:?}");
        assert_eq!(limit(&hanoi, &moh, "protection"), None, "it has a direction");
        assert_eq!(limit(&moh, &hanoi, "research"), None, "and a purpose");
    }
    let found = problems_of(|wire| wire.agreements[0].hourly_acceptances = 10_001);
    assert_eq!(found, only("agreements[0].hourly_acceptances", Problem::Range));
}

#[test]
fn a_unit_is_served_as_it_says_else_as_its_parents_else_as_its_party() {
    let ceremony = ceremony();
    let builder = programme(&ceremony.root).access_point(&ap("hanoi-2"), &party("hanoi"), &[&party("hanoi")]).host(
        &party("hanoi"),
        Some(&unit("00004")),
        &ap("hanoi-2"),
        &[&indicator()],
    );
    let release = ceremony.release(&builder);
    let host = |owner: &str, desk: &str, contract: &ContractId| {
        let host = release.access_point_for(&party(owner), &unit(desk), contract);
        host.map(ToString::to_string)
    };
    assert_eq!(host("hanoi", "00004-desk", &indicator()).as_deref(), Some("hanoi-2"));
    assert_eq!(host("hanoi", "00004-desk", &referral()).as_deref(), Some("hanoi"));
    assert_eq!(host("vwu", "commune", &referral()).as_deref(), Some("hanoi"));
    assert_eq!(host("vwu", "commune", &indicator()).as_deref(), Some("vwu"));
    assert_eq!(host("vwu", "unknown", &referral()), None);
}

#[test]
fn hosting_a_desk_is_not_hosting_the_party() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    let (vwu, commune) = (party("vwu"), unit("commune"));
    assert!(release.hosts(&ap("hanoi"), &vwu, Some(&commune), &referral()));
    assert!(!release.hosts(&ap("hanoi"), &vwu, None, &referral()));
    assert!(release.hosts(&ap("vwu"), &vwu, None, &referral()));
    assert!(!release.hosts(&ap("vwu"), &vwu, Some(&commune), &referral()));
    assert!(!release.hosts(&ap("nowhere"), &vwu, None, &referral()));
}

#[test]
fn every_commune_of_the_country_fits_into_a_release() {
    let ceremony = ceremony();
    let always = Validity::from(day(0));
    let builder = (0..3_321).fold(programme(&ceremony.root), |builder, n| {
        let desk = unit(&format!("commune-{n:05}"));
        let names = ("Tổ thường trực bảo vệ trẻ em cấp xã", "Standing group for child protection");
        builder.unit(&party("hanoi"), &desk, names, always)
    });
    let release = ceremony.release(&builder);
    assert_eq!(release.units().count(), 3_325);
    assert!(release.signed_bytes().len() < 512 << 10);
    let last = unit("commune-03320");
    assert!(release.hosts(&ap("hanoi"), &party("hanoi"), Some(&last), &referral()));
}

#[test]
fn the_catalogue_names_the_newest_minor_version() {
    let ceremony = ceremony();
    let release = ceremony.release(&programme(&ceremony.root));
    assert_eq!(release.contract(&referral()), Some(2));
    assert_eq!(release.contract(&ContractId::new("nhipcau.other.v1").unwrap()), None);
}

#[test]
fn every_reference_resolves() {
    let nobody = || "nobody".to_owned();
    type Change = fn(&mut pb::Release, String);
    let cases: [(&str, Change); 13] = [
        ("access_points[0].operator_party", |w, n| w.access_points[0].operator_party = n),
        ("access_points[2].parties[2]", |w, n| w.access_points[2].parties.push(n)),
        ("parties[0].successors[0]", |w, n| w.parties[0].successors.push(n)),
        ("parties[0].hostings[0].access_point", |w, n| {
            w.parties[0].hostings[0].access_point = n;
        }),
        ("parties[0].hostings[0].contracts[1]", |w, _| {
            w.parties[0].hostings[0].contracts[1] = "nhipcau.other.v1".into();
        }),
        ("units[0].party", |w, n| w.units[0].party = n),
        ("units[3].parent", |w, n| w.units[3].parent = n),
        ("units[3].successors[0]", |w, n| {
            w.units[3].successors.push(pb::UnitRef { party: "hanoi".into(), unit: n });
        }),
        ("units[3].notified[0]", |w, n| {
            w.units[3].notified.push(pb::UnitRef { party: "hanoi".into(), unit: n });
        }),
        ("agreements[0].sender_party", |w, n| w.agreements[0].sender_party = n),
        ("agreements[0].contract", |w, _| w.agreements[0].contract = "nhipcau.other.v1".into()),
        ("agreements[0].recipient_party", |w, n| w.agreements[0].recipient_party = n),
        ("publications[0].party", |w, n| w.publications[0].party = n),
    ];
    for (path, change) in cases {
        let found = problems_of(|wire| change(wire, nobody()));
        assert_eq!(found, only(path, Problem::Unresolved));
    }
}

#[test]
fn an_access_point_serves_only_the_parties_it_lists() {
    let found = problems_of(|wire| wire.access_points[2].parties.truncate(1));
    assert_eq!(found, only("units[1].hostings[0]", Problem::NotServed));
}

#[test]
fn nothing_stands_twice() {
    type Change = fn(&mut pb::Release);
    let cases: [(&str, Change); 6] = [
        ("parties[3].party", |w| {
            let copy = pb::Party { recovery_keys: Vec::new(), ..w.parties[0].clone() };
            w.parties.push(copy);
        }),
        ("access_points[3].access_point", |w| {
            let (signing_keys, sealing_keys) = (Vec::new(), Vec::new());
            let copy = w.access_points[0].clone();
            w.access_points.push(pb::AccessPoint { signing_keys, sealing_keys, ..copy });
        }),
        ("units[4].unit", |w| w.units.push(w.units[0].clone())),
        ("contracts[2].contract", |w| w.contracts.push(w.contracts[0].clone())),
        ("publications[1]", |w| w.publications.push(w.publications[0].clone())),
        ("access_points[0].sealing_keys[1].key_id", |w| {
            w.access_points[0].sealing_keys[1].key_id = "s1".into();
        }),
    ];
    for (path, change) in cases {
        assert_eq!(problems_of(change), only(path, Problem::Repeated));
    }
}

#[test]
fn a_public_key_has_one_owner() {
    let found = problems_of(|wire| {
        wire.access_points[1].signing_keys[0].public_key = wire.access_points[0].signing_keys[0].public_key.clone();
    });
    assert_eq!(found, only("access_points[1].signing_keys[0].public_key", Problem::Repeated));
    let found = problems_of(|wire| {
        wire.access_points[0].signing_keys[0].public_key = wire.root.as_ref().unwrap().signers[0].public_key.clone();
    });
    assert_eq!(found, only("access_points[0].signing_keys[0].public_key", Problem::Repeated));
}

#[test]
fn no_unit_stands_above_itself() {
    let found = problems_of(|wire| wire.units[2].parent = "00004-desk".into());
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["units[2].parent", "units[3].parent"]);
    assert!(found.iter().all(|(_, problem)| *problem == Problem::Cycle));
}

#[test]
fn a_loop_of_successors_is_refused_with_its_place() {
    let to = |party: &str, unit: &str| pb::UnitRef { party: party.into(), unit: unit.into() };
    // 0 → 1 → 2 → 1 and 2 → 3: the loop is between 1 and 2, and across parties.
    let of_units = |wire: &mut pb::Release| {
        wire.units[0].successors = vec![to("vwu", "commune")];
        wire.units[1].successors = vec![to("hanoi", "00004")];
        wire.units[2].successors = vec![to("hanoi", "00004-desk"), to("vwu", "commune")];
    };
    let found = problems_of(of_units);
    let expected = ["units[1].successors[0]", "units[2].successors[1]"];
    assert_eq!(found, expected.map(|path| (path.to_owned(), Problem::Cycle)));
    let of_parties = |wire: &mut pb::Release| {
        wire.parties[0].successors = vec!["vwu".into(), "hanoi".into()];
        wire.parties[1].successors = vec!["hanoi".into()];
        wire.parties[2].successors = vec!["moh".into()];
    };
    let found = problems_of(of_parties);
    let expected = [(0, 0), (0, 1), (1, 0), (2, 0)].map(|(i, j)| format!("parties[{i}].successors[{j}]"));
    assert_eq!(found, expected.map(|path| (path, Problem::Cycle)));
    let found = problems_of(|wire| wire.parties[1].successors = vec!["vwu".into()]);
    assert_eq!(found, only("parties[1].successors[0]", Problem::Cycle), "nobody is their own successor");

    let found = problems_of(|wire| wire.units[0].notified = vec![to(&wire.units[0].party, &wire.units[0].unit)]);
    assert_eq!(found, only("units[0].notified[0]", Problem::Cycle), "nobody is told of what they get");

    let ceremony = ceremony();
    let looped = programme(&ceremony.root).with(of_units);
    let review = authoring::review(&looped.build(), None).unwrap_err();
    assert_eq!(review.reason(), reason::DIRECTORY_INVALID, "already who is to sign it");
}

#[test]
fn duties_may_be_parted_and_come_together_again() {
    let ceremony = ceremony();
    let to = |unit: &str| pb::UnitRef { party: "hanoi".into(), unit: unit.into() };
    let builder = programme(&ceremony.root).with(|wire| {
        wire.parties[0].successors = vec!["vwu".into(), "hanoi".into()];
        wire.parties[1].successors = vec!["hanoi".into()];
        wire.units[0].successors = vec![to("00004"), to("00004-desk")];
        wire.units[2].successors = vec![to("00004-desk")];
    });
    let release = ceremony.release(&builder);
    assert_eq!(release.unit(&party("moh"), &unit("111")).unwrap().successors.len(), 2);
}

#[test]
fn whoever_took_over_from_a_unit_that_is_over_stays_its_successor() {
    let ceremony = ceremony();
    let to = |party: &str, unit: &str| pb::UnitRef { party: party.into(), unit: unit.into() };
    let current = ceremony.release(&programme(&ceremony.root).with(|wire| {
        wire.units[2].validity.as_mut().unwrap().expire_time = Some(authoring::timestamp(day(5)));
        wire.units[2].successors = vec![to("hanoi", "00004-desk")];
    }));
    let reviewed = |issue, change: &dyn Fn(&mut pb::Release)| {
        let next = ReleaseBuilder::after(&current, issue, day(90)).with(change);
        match authoring::review(&next.build(), Some(&current)) {
            Err(Error::Invalid(found)) => found.listed().iter().map(|v| (v.path.clone(), v.problem)).collect(),
            other => other.map(|()| Vec::new()).unwrap(),
        }
    };
    let taken_back = only("units[2].successors", Problem::TakenBack);
    assert_eq!(reviewed(day(6), &|wire| wire.units[2].successors.clear()), taken_back);
    assert_eq!(reviewed(day(6), &|wire| wire.units[2].successors = vec![to("vwu", "commune")]), taken_back);
    assert_eq!(reviewed(day(6), &|wire| wire.units[2].validity.as_mut().unwrap().expire_time = None), taken_back);
    let removed = |wire: &mut pb::Release| {
        wire.units[3].parent.clear();
        wire.units.remove(2);
    };
    assert_eq!(reviewed(day(6), &removed), only("units hanoi/00004", Problem::TakenBack));
    assert_eq!(reviewed(day(6), &|wire| wire.units[2].successors.push(to("vwu", "commune"))), []);
    assert_eq!(reviewed(day(4), &|wire| wire.units[2].successors.clear()), [], "it has not taken over yet");
}

#[test]
fn a_unit_may_be_addressed_while_it_and_its_party_are_in_force() {
    let ceremony = ceremony();
    let short = |from, until| Validity::between(day(from), day(until));
    let builder = programme(&ceremony.root)
        .unit(&party("hanoi"), &unit("00004"), ("Phường", "Ward"), short(10, 20))
        .party(&party("vwu"), ("Hội", "Union"), short(0, 20));
    let release = ceremony.release(&builder);
    let addressable = |owner, desk, at| release.is_addressable(&party(owner), &unit(desk), at);
    for (owner, desk) in [("hanoi", "00004"), ("vwu", "commune")] {
        assert!(addressable(owner, desk, day(10)) && !addressable(owner, desk, day(20)), "{owner}");
    }
    assert!(!addressable("hanoi", "00004", day(9)));
    assert!(!addressable("hanoi", "nobody", day(10)));
    assert!(release.hosts(&ap("hanoi"), &party("hanoi"), Some(&unit("00004")), &referral()), "answers still find it");
}

fn hours(weekdays: &[u32], start_minute: u32, end_minute: u32) -> pb::OpeningHours {
    pb::OpeningHours { weekdays: weekdays.to_vec(), start_minute, end_minute }
}

#[test]
fn a_unit_is_open_from_the_first_minute_to_just_before_the_last_on_its_days_in_viet_nam() {
    let ceremony = ceremony();
    let builder = programme(&ceremony.root)
        .with(|wire| wire.units[0].hours = vec![hours(&[1, 7], 22 * 60, 1440), hours(&[1], 0, 30)]);
    let release = ceremony.release(&builder);
    let open = &release.unit(&party("moh"), &unit("111")).unwrap().hours;
    let at = |local: &str| open.contain(format!("{local}+07:00").parse().unwrap());
    assert_eq!(open.to_string(), "1 7 22:00–24:00, 1 00:00–00:30");
    // 2026-11-29 is a Sunday.
    for (local, is_open) in [
        ("2026-11-28T22:30:00", false),
        ("2026-11-29T21:59:59", false),
        ("2026-11-29T22:00:00", true),
        ("2026-11-29T23:59:59", true),
        ("2026-11-30T00:00:00", true),
        ("2026-11-30T00:29:59", true),
        ("2026-11-30T00:30:00", false),
        ("2026-11-30T22:00:00", true),
        ("2026-12-01T00:00:00", false),
    ] {
        assert_eq!(at(local), is_open, "{local}");
    }
    let unsaid = &release.unit(&party("vwu"), &unit("commune")).unwrap().hours;
    assert!(!unsaid.are_known() && !unsaid.contain(day(0)));
}

#[test]
fn hours_are_hours() {
    let cases = [
        (hours(&[], 0, 60), "units[0].hours[0].weekdays", Problem::Missing),
        (hours(&[1, 8], 0, 60), "units[0].hours[0].weekdays[1]", Problem::Range),
        (hours(&[0], 0, 60), "units[0].hours[0].weekdays[0]", Problem::Range),
        (hours(&[1, 1], 0, 60), "units[0].hours[0].weekdays[1]", Problem::Repeated),
        (hours(&[1], 0, 1441), "units[0].hours[0].end_minute", Problem::Range),
        (hours(&[1], 60, 60), "units[0].hours[0]", Problem::EndsBeforeStart),
        (hours(&[1], 1320, 360), "units[0].hours[0]", Problem::EndsBeforeStart),
    ];
    for (entry, path, problem) in cases {
        assert_eq!(problems_of(|wire| wire.units[0].hours = vec![entry]), only(path, problem));
    }
}

#[test]
fn names_are_stated_and_in_normal_form() {
    let found = problems_of(|wire| wire.parties[0].names = None);
    assert_eq!(found, only("parties[0].names", Problem::Missing));
    let decomposed = "Bo\u{302}\u{323} Y te\u{301}".to_owned();
    let found = problems_of(|wire| wire.parties[0].names.as_mut().unwrap().vi = decomposed);
    assert_eq!(found, only("parties[0].names.vi", Problem::Syntax));
}

#[test]
fn all_violations_are_counted_and_a_hundred_listed() {
    let ceremony = ceremony();
    let mut builder = programme(&ceremony.root);
    for _ in 0..10_000 {
        builder = builder.publication(&party("nobody"), &indicator());
    }
    let Err(error) = ceremony.verify(&ceremony.sign(&builder), None) else {
        panic!("accepted");
    };
    assert_eq!(error.reason(), reason::DIRECTORY_INVALID);
    let Error::Invalid(found) = error else { panic!("refused for something else") };
    // Each names an unknown party, and all but the first repeat it.
    assert_eq!(found.total(), 19_999);
    assert_eq!(found.listed().len(), LISTED_VIOLATIONS);
}

#[test]
fn time_limits_lie_inside_what_they_belong_to() {
    let span = |hours: i64| pb::Span {
        kind: Some(pb::span::Kind::Elapsed(prost_types::Duration { seconds: hours * 3600, nanos: 0 })),
    };
    let limit = pb::TimeLimit {
        time_limit: "emergency".into(),
        contract: "nhipcau.referral.v1".into(),
        start_event: "transfer_opened".into(),
        stop_events: vec!["service_started".into()],
        limit: Some(span(12)),
        acknowledge_within: Some(span(1)),
        warn_after: Some(span(8)),
        escalation: vec![pb::EscalationStep { after: Some(span(2)), unit: None }],
        legal_source: "56/2017/NĐ-CP art. 26.3".into(),
        validity: Some(pb::Validity { start_time: Some(Default::default()), expire_time: None }),
        ..pb::TimeLimit::default()
    };
    let ceremony = ceremony();
    let good = limit.clone();
    ceremony.release(&programme(&ceremony.root).with(|wire| wire.time_limits.push(good)));

    let late = pb::TimeLimit { acknowledge_within: Some(span(13)), ..limit.clone() };
    let found = problems_of(|wire| wire.time_limits.push(late));
    assert_eq!(found, only("time_limits[0].acknowledge_within", Problem::Range));
    let days = pb::Span { kind: Some(pb::span::Kind::WorkingDays(5)) };
    let uncounted = pb::TimeLimit { warn_after: Some(days), ..limit.clone() };
    let found = problems_of(|wire| wire.time_limits.push(uncounted));
    assert_eq!(found, only("time_limits[0].warn_after", Problem::Missing));
    let step = pb::EscalationStep { after: Some(span(2)), unit: None };
    let tall = pb::TimeLimit { escalation: vec![step; 9], ..limit.clone() };
    assert_eq!(problems_of(|wire| wire.time_limits.push(tall)), only("time_limits[0].escalation", Problem::Range));
    for (seconds, problem) in [(0, true), (12 * 3_600 + 1, true), (12 * 3_600, false)] {
        let telephone_confirmation = Some(prost_types::Duration { seconds, nanos: 0 });
        let telephoned = pb::TimeLimit { telephone_confirmation, ..limit.clone() };
        let found = programme(&ceremony.root).with(|wire| wire.time_limits.push(telephoned.clone()));
        if problem {
            let found = problems_of(|wire| wire.time_limits.push(telephoned));
            assert_eq!(found, only("time_limits[0].telephone_confirmation", Problem::Range), "{seconds}");
        } else {
            ceremony.release(&found);
        }
    }
    let long = pb::TimeLimit { legal_source: "đ".repeat(201), ..limit };
    let found = problems_of(|wire| wire.time_limits.push(long));
    assert_eq!(found, only("time_limits[0].legal_source", Problem::Syntax));
}

#[test]
fn calendars_of_a_series_speak_for_days_of_their_own_in_one_time_zone() {
    let year = |year: i32| pb::Calendar {
        calendar: format!("office-{year}"),
        series: "office".into(),
        time_zone: "Asia/Ho_Chi_Minh".into(),
        work_weekdays: vec![1],
        start_date: Some(Date { year, month: 1, day: 1 }),
        end_date: Some(Date { year: year + 1, month: 1, day: 1 }),
        ..pb::Calendar::default()
    };
    let ceremony = ceremony();
    ceremony.release(&programme(&ceremony.root).with(|wire| wire.calendars.extend([year(2027), year(2026)])));
    let december = Some(Date { year: 2026, month: 12, day: 31 });
    for (second, expected) in [
        (pb::Calendar { start_date: december, ..year(2027) }, only("calendars[1].start_date", Problem::Repeated)),
        (pb::Calendar { time_zone: "UTC".into(), ..year(2027) }, only("calendars[1].time_zone", Problem::Differs)),
        (pb::Calendar { series: "Office".into(), ..year(2027) }, only("calendars[1].series", Problem::Syntax)),
    ] {
        let found = problems_of(|wire| wire.calendars.extend([year(2026), second]));
        assert_eq!(found, expected);
    }
    let alone = |year: pb::Calendar| pb::Calendar { series: String::new(), ..year };
    let twice = [alone(year(2026)), pb::Calendar { calendar: "other".into(), ..alone(year(2026)) }];
    ceremony.release(&programme(&ceremony.root).with(|wire| wire.calendars.extend(twice)));
}
