//! The store against the rules: whatever order submissions arrive in, it holds what the rules make of them in the
//! order of publishing.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use nhipcau_domain::{
    area::AreaList,
    indicator::{CodeLists, Dataset, History, KeyPattern, PeriodRange, Stamp, Structure},
};
use nhipcau_messaging::store::{Error, Store};
use nhipcau_proto::indicator::v1 as pb;
use proptest::{collection::vec, prelude::*, sample::select};
use uuid::Uuid;

use crate::{
    CONTRACT, PURPOSE, Registry, apply, content, contract,
    observation::State,
    purpose,
    store::{self, NewSubmission, Slice},
};

const CODES: &str =
    "codelist,code,valid_from,valid_until,name_vi,name_en\nC,A,,,a,a\nC,B,,,b,b\nS,1,,,m,o\nS,2,,,h,t\n";
const STRUCTURE: &str = "structure,component,role,codelist,name_vi,name_en\n\
    T:TWO(1.0),X,dimension,C,,\nT:TWO(1.0),Y,dimension,C,,\nT:TWO(1.0),TIME_PERIOD,time,,,\n\
    T:TWO(1.0),OBS_VALUE,measure,,,\nT:TWO(1.0),STATUS,attribute,S,,\nT:TWO(1.0),NOTE,attribute,,,\n";

fn structure() -> Structure {
    Structure::parse(STRUCTURE.as_bytes(), &CodeLists::parse(CODES.as_bytes()).unwrap()).unwrap()
}

fn row() -> impl Strategy<Value = pb::Observation> {
    let attributes = vec((select(vec!["STATUS", "NOTE"]), select(vec!["1", "2"])), 0..3);
    let period = select(vec!["2023", "2024", "2024-Q1", "2024-01"]);
    let value = proptest::option::weighted(0.7, select(vec!["1", "2.50", "NaN"]));
    (select(vec!["A.A", "A.B", "B.A"]), period, value, attributes).prop_map(|(key, period, value, attributes)| {
        pb::Observation {
            key: key.into(),
            time_period: period.into(),
            value: value.map(Into::into),
            attributes: attributes.into_iter().map(|(id, text)| (id.into(), text.into())).collect(),
        }
    })
}

fn deletion() -> impl Strategy<Value = pb::Observation> {
    (select(vec!["A.A", "A.", ".A", ".", "B."]), select(vec!["", "2024", "2024-Q1"]), row())
        .prop_map(|(key, period, parts)| pb::Observation { key: key.into(), time_period: period.into(), ..parts })
}

fn dataset() -> impl Strategy<Value = pb::Dataset> {
    let dataset =
        |action: pb::Action, observations| pb::Dataset { action: action.into(), observations, blocks: Vec::new() };
    prop_oneof![
        3 => vec(row(), 1..4).prop_map(move |rows| dataset(pb::Action::Merge, rows)),
        3 => vec(row(), 1..4).prop_map(move |rows| dataset(pb::Action::Replace, rows)),
        2 => vec(deletion(), 1..3).prop_map(move |rows| dataset(pb::Action::Delete, rows)),
    ]
}

/// Publishing time, id and datasets. Few times, so that some are shared.
fn submission() -> impl Strategy<Value = (i64, u8, Vec<pb::Dataset>)> {
    (0..6i64, any::<u8>(), vec(dataset(), 1..3))
}

fn new(time: i64, id: u8) -> NewSubmission {
    NewSubmission {
        provider: "moha".into(),
        id: Uuid::from_bytes([id; 16]),
        structure: "T:TWO(1.0)".into(),
        dataflow: String::new(),
        ordinal: 1,
        publish_time: time,
        observation_count: 0,
        submitter: String::new(),
        access_point: "moha".into(),
        envelope: [id; 16],
        position: 1,
        store_time: 0,
    }
}

fn encoded(datasets: &[Dataset]) -> Vec<Vec<u8>> {
    content::pieces(datasets).iter().map(prost::Message::encode_to_vec).collect()
}

/// Every revision: key, period, place in the order of submissions, state.
type Held = Vec<(String, String, u8, Option<State>)>;

fn held(store: &mut Store) -> Held {
    let read = store.transaction(|tx| {
        let mut held = Vec::new();
        for series in store::series_after(tx, "T:TWO(1.0)", "moha", "", "", 100)? {
            let all = store::revisions(tx, series.serial, Slice::ALL)?;
            for span in all.iter().flat_map(|first| all.iter().map(move |last| (first.order, last.order))) {
                let between = all.iter().filter(|revision| (span.0..=span.1).contains(&revision.order)).cloned();
                let read = store::revisions(tx, series.serial, Slice { span, ..Slice::ALL })?;
                assert_eq!(read, between.collect::<Vec<_>>(), "a part of a series is read as it stands in the whole");
            }
            for revision in all {
                let id = store::by_serial(tx, revision.submission)?.unwrap().new.envelope[0];
                held.push((series.key.clone(), revision.text, id, revision.state));
            }
        }
        Ok::<_, Error>(held)
    });
    read.unwrap()
}

fn expected(registry: &Registry, submissions: &BTreeMap<(i64, u8), Vec<pb::Dataset>>) -> Held {
    let mut history = History::default();
    let ids: Vec<u8> = submissions.keys().map(|(_, id)| *id).collect();
    for (ordinal, datasets) in (1..).zip(submissions.values()) {
        let stamp = Stamp { ordinal, publish_time: Timestamp::UNIX_EPOCH };
        history.apply(stamp, &registry.check(&structure(), datasets).unwrap()).unwrap();
    }
    let all = KeyPattern::new("", 2).unwrap();
    let text = |state: &nhipcau_domain::indicator::State| State {
        value: state.value.as_ref().map(ToString::to_string),
        attributes: Arc::new(state.attributes.iter().map(|(id, text)| (id.to_owned(), text.to_owned())).collect()),
    };
    let revisions = history.revisions(&all, PeriodRange::default());
    revisions
        .map(|(key, period, revision)| {
            let id = ids[usize::try_from(revision.stamp.ordinal).unwrap() - 1];
            (key.to_string(), period.to_string(), id, revision.state.as_ref().map(text))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_order_of_arrival_does_not_matter(given in vec(submission(), 1..8), seed in any::<u64>()) {
        let registry = Registry::new(Arc::new(AreaList::default())).structure(structure());
        let mut submissions = BTreeMap::new();
        for (time, id, datasets) in given {
            let is_new = submissions.keys().all(|(_, known)| *known != id);
            if is_new && registry.check(&structure(), &datasets).is_ok() {
                submissions.insert((time, id), datasets);
            }
        }
        // Every submission arrives twice, once as if it had been published later than it was.
        let mut arrivals: Vec<(i64, u8)> = submissions.keys().copied().collect();
        arrivals.extend(submissions.keys().map(|(time, id)| (time + 3, *id)));
        arrivals.sort_by_key(|(time, id)| seed.rotate_left(u32::from(*id)) ^ (*time as u64).wrapping_mul(seed | 1));
        let mut store = Store::scratch().unwrap();
        store.add_tables(store::SCHEMA).unwrap();
        for (time, id) in arrivals {
            let datasets = submissions.iter().find(|((_, known), _)| *known == id).unwrap().1;
            let pieces = encoded(&registry.check(&structure(), datasets).unwrap());
            store.transaction(|tx| apply::store(tx, &new(time, id), |tx, stored| stored.add_all(tx, &pieces))).unwrap();
        }
        prop_assert_eq!(held(&mut store), expected(&registry, &submissions));
    }
}

#[test]
fn the_names_of_contract_and_purpose_are_well_formed() {
    assert_eq!(contract().as_str(), CONTRACT);
    assert_eq!(purpose().as_str(), PURPOSE);
}

#[test]
fn a_large_submission_becomes_pieces_that_fit_a_message_and_hold_the_same() {
    let registry = Registry::new(Arc::new(AreaList::default())).structure(structure());
    let note = "Ghi chú dài ".repeat(60);
    let rows = (0..4_000).map(|n| pb::Observation {
        key: ["A.A", "A.B", "B.A", "B.B"][n % 4].into(),
        time_period: jiff::civil::date(2000, 1, 1).saturating_add(jiff::Span::new().days(n as i64)).to_string(),
        value: Some(n.to_string()),
        attributes: [("NOTE".to_owned(), format!("{note}{n}"))].into(),
    });
    let datasets =
        vec![pb::Dataset { action: pb::Action::Replace.into(), observations: rows.collect(), blocks: Vec::new() }];
    let checked = registry.check(&structure(), &datasets).unwrap();
    let pieces = encoded(&checked);
    assert!(pieces.len() > 3);
    assert!(pieces.iter().all(|piece| piece.len() <= content::PIECE_LIMIT));
    let read: Vec<_> = pieces.iter().flat_map(|piece| content::chunk(piece).unwrap().datasets).collect();
    let again = registry.check(&structure(), &read).unwrap();
    let all = |datasets: &[Dataset]| content::count(datasets);
    assert_eq!((all(&again), encoded(&again)), (4_000, pieces));
}

#[test]
fn a_deletion_reaches_every_series_however_many_there_are() {
    const SERIES: usize = 600;
    let mut store = Store::scratch().unwrap();
    store.add_tables(store::SCHEMA).unwrap();
    let mut submit = |time, action: pb::Action, blocks| {
        let datasets = vec![pb::Dataset { action: action.into(), observations: Vec::new(), blocks }];
        let piece = prost::Message::encode_to_vec(&pb::Chunk { datasets });
        store
            .transaction(|tx| apply::store(tx, &new(time, time as u8), |tx, stored| stored.add_all(tx, &[piece])))
            .unwrap();
    };
    let block = |key: &str, periods: &[&str], values: &[&str]| pb::SeriesBlock {
        key: key.into(),
        time_periods: periods.iter().map(|period| (*period).into()).collect(),
        values: values.iter().map(|value| (*value).into()).collect(),
        attributes: Vec::new(),
    };
    let periods = ["2022", "2023", "2024"];
    let all = (0..SERIES).map(|n| block(&format!("C{n:03}.{}", ["F", "M"][n % 2]), &periods, &["1", "2", "3"]));
    submit(1, pb::Action::Replace, all.collect());
    // One row by series and period, one that leaves the period open, and the same pattern again.
    let rows = [block(".F", &["2022"], &[]), block(".M", &[""], &[]), block(".F", &["2024"], &["-"])];
    submit(2, pb::Action::Delete, rows.into());
    let left = store.transaction(|tx| {
        let mut left = BTreeMap::new();
        for series in store::series_after(tx, "T:TWO(1.0)", "moha", "", "", 1_000)? {
            for revision in store::newest(store::revisions(tx, series.serial, Slice::ALL)?) {
                let is_there = revision.state.is_some();
                *left.entry((series.key[5..].to_owned(), revision.text, is_there)).or_insert(0) += 1;
            }
        }
        Ok::<_, Error>(left)
    });
    let entry = |sex: &str, period: &str, is_there| ((sex.to_owned(), period.to_owned(), is_there), SERIES / 2);
    let expected = [
        entry("F", "2022", false),
        entry("F", "2023", true),
        entry("F", "2024", false),
        entry("M", "2022", false),
        entry("M", "2023", false),
        entry("M", "2024", false),
    ];
    assert_eq!(left.unwrap(), expected.into());
}
