//! Branches. One is read by putting the events of its logs together anew, every time: nothing here says what state it
//! is in.

use nhipcau_domain::{
    id::{PartyId, Purpose},
    referral::{Body, Branch, Event, Fault, Side},
};
use nhipcau_messaging::store::{Error, Tx};
use uuid::Uuid;

use super::{
    due, hold,
    log::{self, Stored},
    reading::{self, Held},
    succession,
};

/// A branch as one side holds it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) held: Held,
    pub(crate) purpose: Purpose,
    pub(crate) branch: Branch,
    /// False while stored events wait for others that are being given back.
    pub(crate) is_whole: bool,
}

impl Held {
    /// The branch, put together from its logs.
    pub(crate) fn load(self, tx: &mut Tx<'_>) -> Result<Option<Branch>, Error> {
        Ok(known(tx, self)?.map(|known| known.branch))
    }
}

/// A branch as one side holds it; `None` when it is not there or its opening is missing.
pub(crate) fn known(tx: &mut Tx<'_>, held: Held) -> Result<Option<Known>, Error> {
    let purpose = tx.query_one(
        "SELECT purpose FROM referral_branch WHERE branch = $1 AND holder = $2",
        &[held.branch.as_bytes().into(), held.side.to_wire().into()],
        |row| Purpose::new(row.text(0)?).map_err(|_| Error::Corrupt("the purpose of a branch")),
    )?;
    let Some(purpose) = purpose else { return Ok(None) };
    let logs = [log::all(tx, held, Side::Origin)?, log::all(tx, held, Side::Recipient)?];
    let [origin, recipient] = [&logs[0], &logs[1]].map(|log| log.iter().map(|it| it.event.clone()).collect::<Vec<_>>());
    let together = assemble(&origin, &recipient).map_err(|_| Error::Corrupt("the logs of a branch"))?;
    let [origin, recipient] = logs;
    let Some((branch, is_whole)) = together else { return Ok(None) };
    let branch = match held.side {
        Side::Origin => branch,
        Side::Recipient => branch.with_hand_over(succession::shown(tx, held.branch)?),
    };
    let is_held = !hold::of(tx, &branch.unit(held.side).party, branch.ids().case)?.is_empty();
    let branch = beside(branch, held.side, [&origin, &recipient]).with_held(is_held);
    let branch = branch.with_origins(held.side == Side::Origin && is_whole);
    Ok(Some(Known { held, purpose, branch, is_whole }))
}

/// Adds what the store knows beside the logs: what was given, and when another's words came from which time counts.
fn beside(branch: Branch, holder: Side, [origin, recipient]: [&[Stored]; 2]) -> Branch {
    let given = origin.iter().filter(|stored| stored.is_given(holder)).flat_map(|stored| stored.event.parts.iter());
    let branch = branch.with_given(given.map(|entry| entry.part).collect());
    let said = origin.iter().find(|stored| matches!(stored.event.body, Body::TelephoneRecorded(_)));
    match (holder, origin.first()) {
        (Side::Recipient, Some(opening)) => {
            branch.with_heard(opening.stored).with_telephone_heard(said.map(|said| said.stored))
        }
        (Side::Origin, _) => {
            let beginning = recipient.iter().filter(|answer| !answer.event.begun.is_empty());
            branch.with_answers_heard(beginning.map(|answer| (answer.event.ordinal, answer.stored)).collect())
        }
        _ => branch,
    }
}

/// Puts two logs together as far as they fit. An event waits for what it names: after a rollback the two sides' events
/// come back in any order.
pub(crate) fn assemble(origin: &[Event], recipient: &[Event]) -> Result<Option<(Branch, bool)>, Fault> {
    let Some((opening, later)) = origin.split_first().filter(|(first, _)| first.ordinal == 1) else {
        return Ok(None);
    };
    let mut branch = Branch::open(opening.clone())?;
    let mut rest = [later, recipient];
    let mut moved = true;
    while moved {
        moved = false;
        for log in &mut rest {
            while let Some((next, after)) = log.split_first() {
                if branch.record(next.clone()).is_err() {
                    break;
                }
                *log = after;
                moved = true;
            }
        }
    }
    Ok(Some((branch, rest.iter().all(|log| log.is_empty()))))
}

/// Makes a branch known, with what it begins with if that is there, or tells a known one its group.
pub(crate) fn add(
    tx: &mut Tx<'_>,
    held: Held,
    event: &Event,
    purpose: &Purpose,
    begun: Option<&Branch>,
) -> Result<(), Error> {
    let ids = event.ids;
    let origin = if event.side == Side::Origin { &event.owner } else { &event.counterpart };
    let group = match &event.body {
        Body::Opened(opening) => opening.group,
        _ => Uuid::nil(),
    };
    let reading::Place { party, unit, state, create_time } = match begun {
        Some(branch) => reading::place_of(tx, held.side, branch)?,
        None => reading::Place::default(),
    };
    let due_time = begun.and_then(|branch| due::of(held.side, branch));
    tx.execute(
        "INSERT INTO referral_branch (branch, holder, case_uid, referral, group_uid, purpose, origin, party, unit, \
         state, create_time, due_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (branch, holder) DO UPDATE SET group_uid = excluded.group_uid \
         WHERE referral_branch.group_uid < excluded.group_uid",
        &[
            ids.branch.as_bytes().into(),
            held.side.to_wire().into(),
            ids.case.as_bytes().into(),
            ids.referral.as_bytes().into(),
            group.as_bytes().into(),
            purpose.as_str().into(),
            origin.party.as_str().into(),
            party.into(),
            unit.into(),
            state.into(),
            create_time.into(),
            due_time.into(),
        ],
    )?;
    Ok(())
}

/// Puts a branch where the unit finds it that has taken it over.
pub(crate) fn relocate(tx: &mut Tx<'_>, held: Held, branch: &Branch) -> Result<(), Error> {
    let reading::Place { party, unit, .. } = reading::place_of(tx, held.side, branch)?;
    tx.execute(
        "UPDATE referral_branch SET party = $1, unit = $2 WHERE branch = $3 AND holder = $4",
        &[party.into(), unit.into(), held.branch.as_bytes().into(), held.side.to_wire().into()],
    )?;
    Ok(())
}

/// The branches of a group of a referral at their origin.
pub(crate) fn of_group(tx: &mut Tx<'_>, referral: Uuid, group: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(
        "SELECT branch, holder FROM referral_branch WHERE referral = $1 AND holder = 1 AND group_uid = $2 \
         ORDER BY branch",
        &[referral.as_bytes().into(), group.as_bytes().into()],
        |row| Held::read(row, 0),
    )
}

/// The branches of a referral at their origin.
pub(crate) fn of_referral(tx: &mut Tx<'_>, referral: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(
        "SELECT branch, holder FROM referral_branch WHERE referral = $1 AND holder = 1 ORDER BY branch",
        &[referral.as_bytes().into()],
        |row| Held::read(row, 0),
    )
}

/// Every branch of a case that is held here.
pub(crate) fn of_case(tx: &mut Tx<'_>, case: Uuid) -> Result<Vec<Held>, Error> {
    tx.query(
        "SELECT branch, holder FROM referral_branch WHERE case_uid = $1 ORDER BY branch, holder",
        &[case.as_bytes().into()],
        |row| Held::read(row, 0),
    )
}

/// How many branches of a case a party opened, as a side holds them.
pub(crate) fn of_case_by(tx: &mut Tx<'_>, case: Uuid, origin: &PartyId, holder: Side) -> Result<u64, Error> {
    let counted = tx.query_one(
        "SELECT COUNT(*) FROM referral_branch WHERE case_uid = $1 AND origin = $2 AND holder = $3",
        &[case.as_bytes().into(), origin.as_str().into(), holder.to_wire().into()],
        |row| row.number(0),
    )?;
    Ok(counted.unwrap_or(0))
}

/// Whether a message of a case is under way that carries an own event.
pub(crate) fn is_under_way(tx: &mut Tx<'_>, case: Uuid) -> Result<bool, Error> {
    let found = tx.query_one(
        "SELECT 1 FROM referral_branch b JOIN referral_event e ON e.branch = b.branch AND e.holder = b.holder \
         WHERE b.case_uid = $1 AND e.side = e.holder AND e.outcome IS NULL AND LENGTH(e.message) > 0 LIMIT 1",
        &[case.as_bytes().into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}
