//! What somebody on duty does: sees what is for their unit, and acknowledges it once.

use nhipcau_domain::reason;
use nhipcau_runtime::status::Refusal;
use tonic::Code;

use crate::{
    doors::{BRANCHES, CHILD, OTHERWISE, REFERRAL, page},
    world::World,
};

#[tokio::test]
async fn a_session_sees_its_unit_alone_and_no_content_of_another_is_read() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let list = browser.get("/duty").await;
    assert!(list.body.contains(&page(BRANCHES[0])) && !list.body.contains(BRANCHES[1]), "{}", list.body);
    assert!(list.body.contains("Phường &#60;Cửa Nam&#62; (hanoi/cua-nam)"), "{}", list.body);

    let own = browser.get(&page(BRANCHES[0])).await;
    assert_eq!(own.status, 200);
    assert!(!own.body.contains(BRANCHES[1]), "{}", own.body);

    let before = world.case.calls();
    let other = browser.get(&page(BRANCHES[1])).await;
    let nowhere = browser.get(&page("01a22785-2ba7-8eeb-8000-0000000000ff")).await;
    assert_eq!((other.status, other.body.clone()), (404, nowhere.body));
    let form = [("request_id", "01a22785-2ba7-8eeb-8000-0000000000f0"), ("etag", "0"), ("seen", "1")];
    assert_eq!(browser.post(&format!("{}/acknowledge", page(BRANCHES[1])), &form).await.status, 404);
    let asked = world.case.calls().split_off(before.len());
    assert_eq!(asked, ["basic cb-17", "basic cb-17", "basic cb-17"]);
}

#[tokio::test]
async fn a_unit_sees_what_its_branch_was_given_though_its_party_has_another() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let own = browser.get(&page(BRANCHES[0])).await;
    assert!(own.body.contains("Nguyễn &#60;b&#62;An") && !own.body.contains(CHILD), "{}", own.body);
    assert!(!own.body.contains(OTHERWISE), "{}", own.body);
    let mut other = world.signed_in("hanoi/ba-dinh", "cb-30").await;
    let others = other.get(&page(BRANCHES[1])).await;
    assert!(others.body.contains(OTHERWISE) && !others.body.contains("Nguyễn"), "{}", others.body);
    assert_eq!(world.case.calls(), ["basic cb-17", "full cb-17", "basic cb-30", "full cb-30"]);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_acknowledges_once() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let path = format!("{}/acknowledge", page(BRANCHES[0]));
    let shown = browser.get(&page(BRANCHES[0])).await;
    let fields = ["request_id", "etag", "seen"].map(|name| (name, shown.hidden(&path, name)));
    let form = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    for _ in 0..2 {
        let answer = browser.post(&path, &form).await;
        assert_eq!((answer.status, answer.location()), (303, &*page(BRANCHES[0])), "{}", answer.body);
    }
    let after = browser.get(&page(BRANCHES[0])).await;
    assert!(after.body.contains("Đã xác nhận tiếp nhận") && !after.body.contains(&path), "{}", after.body);
    assert_eq!(after.body.matches("gửi thêm nội dung").count(), 1, "one change: {}", after.body);
}

#[tokio::test]
async fn a_form_of_another_person_with_the_same_id_is_another_request() {
    let world = World::new().await;
    let mut first = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let mut second = world.signed_in("hanoi/cua-nam", "cb-18").await;
    let path = format!("{}/acknowledge", page(BRANCHES[0]));
    let form = [("request_id", "01a22785-2ba7-8eeb-8000-0000000000f0"), ("etag", "0"), ("seen", "1")];
    assert_eq!(first.post(&path, &form).await.status, 303);
    let answer = second.post(&path, &form).await;
    assert_eq!(answer.status, 409, "not the first person's answer");
    assert!(answer.body.contains("Hồ sơ đã thay đổi"), "{}", answer.body);
}

#[tokio::test]
async fn whoever_decides_on_what_has_changed_is_shown_what_has_and_nothing_is_done() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let path = format!("{}/acknowledge", page(BRANCHES[0]));
    let shown = browser.get(&page(BRANCHES[0])).await;
    let fields = ["request_id", "etag", "seen"].map(|name| (name, shown.hidden(&path, name)));
    world.case.change();
    let stale = browser.post(&path, &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert_eq!(stale.status, 409);
    let alert = stale.body.split("role=\"alert\"").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(alert.contains("Hồ sơ đã thay đổi") && alert.contains("Bên gửi gửi thêm nội dung"), "{alert}");
    assert!(!alert.contains("Bên gửi gửi đến"), "{alert}");
    let fields = ["request_id", "etag", "seen"].map(|name| (name, stale.hidden(&path, name)));
    let answer = browser.post(&path, &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    assert_eq!(answer.status, 303, "decided anew on what is there now");
}

/// The fields of a form.
fn fields(id: u32, etag: usize, choice: Option<&'static str>) -> Vec<(&'static str, String)> {
    let id = format!("01a22785-2ba7-8eeb-8000-0000000000{id:02x}");
    let mut fields = vec![("request_id", id), ("etag", etag.to_string()), ("seen", "1".to_owned())];
    fields.extend(choice.map(|choice| ("choice", choice.to_owned())));
    fields
}

fn borrowed<'f>(fields: &'f [(&'static str, String)]) -> Vec<(&'static str, &'f str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn every_act_goes_through_the_door_with_what_is_said_and_what_is_final_after_it_was_shown_once_more() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let acts = [
        ("accept", None, "accept"),
        ("start", None, "start"),
        ("redirect", Some("1"), "redirect-1"),
        ("reject", Some("6"), "reject-6"),
        ("complete", Some("2"), "complete-2"),
        ("hand-back", Some("4"), "hand-back-4"),
    ];
    for (done, (act, choice, called)) in acts.into_iter().enumerate() {
        let (path, fields) = (format!("{}/{act}", page(BRANCHES[0])), fields(done as u32, done, choice));
        let mut answer = browser.post(&path, &borrowed(&fields)).await;
        if choice.is_some() {
            assert_eq!(answer.status, 200, "{act}: {}", answer.body);
            assert!(world.case.calls().ends_with(&["check cb-17".to_owned()]), "nothing is done yet: {act}");
            let confirmed = format!("{path}/confirmed");
            let shown = ["choice", "request_id", "etag", "seen"].map(|name| (name, answer.hidden(&confirmed, name)));
            assert!(shown.iter().all(|field| fields.contains(field)), "{shown:?}");
            assert!(!answer.body.contains("Nguyễn"), "{}", answer.body);
            answer = browser.post(&confirmed, &borrowed(&shown)).await;
        }
        assert_eq!((answer.status, answer.location()), (303, &*page(BRANCHES[0])), "{act}: {}", answer.body);
        assert_eq!(world.case.calls().last(), Some(&format!("{called} cb-17")));
    }
}

#[tokio::test]
async fn what_has_changed_is_said_before_it_is_confirmed_and_what_is_confirmed_twice_is_done_once() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let path = format!("{}/reject", page(BRANCHES[0]));
    world.case.change();
    let stale = browser.post(&path, &borrowed(&fields(1, 0, Some("1")))).await;
    assert_eq!(stale.status, 409);
    assert!(stale.body.contains("Hồ sơ đã thay đổi"), "{}", stale.body);
    let now = fields(2, 1, Some("1"));
    for _ in 0..2 {
        assert_eq!(browser.post(&path, &borrowed(&now)).await.status, 200);
        let answer = browser.post(&format!("{path}/confirmed"), &borrowed(&now)).await;
        assert_eq!((answer.status, answer.location()), (303, &*page(BRANCHES[0])), "{}", answer.body);
    }
    let after = browser.get(&page(BRANCHES[0])).await;
    assert_eq!(after.body.matches("gửi thêm nội dung").count(), 2, "the other side's change and this one");
}

#[tokio::test]
async fn a_form_without_its_reason_and_one_that_confirms_what_is_done_at_once_are_refused() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    for (act, choice, status) in [
        ("reject", None, 400),
        ("reject", Some("one"), 400),
        ("reject/confirmed", Some(""), 400),
        ("accept", Some("1"), 400),
        ("acknowledge/confirmed", None, 404),
        ("erase", None, 404),
        ("erase/confirmed", None, 404),
    ] {
        let path = format!("{}/{act}", page(BRANCHES[0]));
        assert_eq!(browser.post(&path, &borrowed(&fields(1, 0, choice))).await.status, status, "{act} {choice:?}");
    }
    assert_eq!(world.case.calls(), Vec::<String>::new());
    let path = format!("{}/reject/confirmed", page(BRANCHES[0]));
    let answer = browser.get(&path).await;
    assert_eq!((answer.status, answer.location()), (303, &*page(BRANCHES[0])), "opened without its form");
    assert_eq!(browser.get("/duty/moh/x/y/reject").await.status, 404);
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_so_and_can_go_on_later() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let mut answer = browser.get("/duty").await;
    // More than are allowed in a row; the pace is a monotonic clock's.
    for _ in 0..100 {
        answer = browser.get("/duty").await;
    }
    assert_eq!(answer.status, 429);
    assert!(answer.body.contains("Mã lý do: RATE_EXCEEDED"), "{}", answer.body);
    let form = fields(1, 0, None);
    let path = format!("{}/acknowledge", page(BRANCHES[0]));
    assert_eq!(browser.post(&path, &borrowed(&form)).await.status, 429);
    assert!(!world.case.calls().iter().any(|call| call.starts_with("acknowledge")));
    assert_eq!(world.signed_in("hanoi/cua-nam", "cb-18").await.get("/duty").await.status, 200, "others are let in");
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    tokio::time::resume();
    assert_eq!(browser.get("/duty").await.status, 200);
}

#[tokio::test]
async fn a_list_with_very_many_is_small_and_says_that_there_are_more() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    world.case.fill(299);
    let list = browser.get("/duty").await;
    let head: usize = list.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    assert!(head + list.body.len() < 50_000, "{}", list.body.len());
    assert!(list.body.contains("Còn 200 hồ sơ chưa hiện"), "{}", list.body);
    assert!(list.body.contains(REFERRAL));
}

#[tokio::test]
async fn a_refusal_of_a_door_is_told_in_vietnamese_with_its_reason() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    world.case.refuse(Refusal::new(Code::Unavailable, reason::SHUTTING_DOWN, "the words of a developer"));
    for path in ["/duty", &page(BRANCHES[0])] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 503);
        assert!(answer.body.contains("Mã lý do: SHUTTING_DOWN") && answer.body.contains("lang=\"vi\""));
        assert!(!answer.body.contains("developer"), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_was_done_is_recorded_once_for_whoever_is_on_duty_and_as_what() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let (acknowledge, record) = (format!("{}/acknowledge", page(BRANCHES[0])), format!("{}/record", page(BRANCHES[0])));
    let shown = browser.get(&page(BRANCHES[0])).await;
    assert!(!shown.body.contains(&record), "nobody acts yet: {}", shown.body);
    let fields = ["request_id", "etag", "seen"].map(|name| (name, shown.hidden(&acknowledge, name)));
    browser.post(&acknowledge, &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let shown = browser.get(&page(BRANCHES[0])).await;
    let hidden = ["request_id", "etag", "seen"].map(|name| (name, shown.hidden(&record, name)));
    let mut form = vec![
        ("kind", "7"),
        ("time", "2026-11-23 14:00"),
        ("harm", "3"),
        ("access", "3"),
        ("obstacles", "2"),
        ("protection", "1"),
        ("conclusion", "2"),
        ("note", "ổn"),
    ];
    form.extend(hidden.each_ref().map(|(name, value)| (*name, value.as_str())));
    for _ in 0..2 {
        let answer = browser.post(&record, &form).await;
        assert_eq!((answer.status, answer.location()), (303, &*page(BRANCHES[0])), "{}", answer.body);
    }
    let calls = world.case.calls();
    assert!(calls.contains(&"record-7-officer-4-4 cb-17".to_owned()), "{calls:?}");
    let before = calls.len();
    form[1].1 = "at noon";
    assert_eq!(browser.post(&record, &form).await.status, 400, "a form that no page of ours sends");
    assert_eq!(world.case.calls().len(), before, "and that no door is asked with");
}
