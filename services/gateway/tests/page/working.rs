//! What somebody on duty does: sees what is for their unit, and acknowledges it once.

use nhipcau_domain::reason;
use nhipcau_runtime::status::Refusal;
use tonic::Code;

use crate::{
    doors::{BRANCHES, CHILD, REFERRAL, page},
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
async fn content_is_read_and_shown_only_where_it_can_be_of_no_other_branch() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let unclear = browser.get(&page(BRANCHES[0])).await;
    assert_eq!(unclear.status, 200);
    assert!(unclear.body.contains("Phải đọc nội dung qua hệ thống của chính đơn vị"), "{}", unclear.body);
    assert!(!unclear.body.contains("Nguyễn"), "{}", unclear.body);
    assert_eq!(world.case.calls(), ["basic cb-17"], "what is not shown is not read");
    world.case.alone();
    let own = browser.get(&page(BRANCHES[0])).await;
    assert!(own.body.contains("Nguyễn &#60;b&#62;An") && !own.body.contains(CHILD), "{}", own.body);
    assert!(!own.body.contains("Phải đọc nội dung"), "{}", own.body);
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

#[tokio::test]
async fn a_branch_is_redirected_with_its_reason_and_begun() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    let form = |id: u32, etag| {
        let id = format!("01a22785-2ba7-8eeb-8000-0000000000{id:02x}");
        [("request_id", id), ("etag", etag), ("seen", "1".to_owned())]
    };
    for (id, act, etag, reason) in [(1, "redirect", "0", Some("1")), (2, "start", "1", None)] {
        let fields = form(id, etag.to_owned());
        let mut fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend(reason.map(|reason| ("reason", reason)));
        let answer = browser.post(&format!("{}/{act}", page(BRANCHES[0])), &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
    let calls = world.case.calls();
    for call in ["redirect-1 cb-17", "start cb-17"] {
        assert!(calls.iter().any(|it| it == call), "{call} in {calls:?}");
    }
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
        ("time", "2026-11-23T14:00"),
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
