//! Signing in: a code that counts once, in one browser, for few tries; and a session that ends with the shift.

use std::sync::atomic::Ordering;

use crate::world::World;

const PERSON: [(&str, &str); 2] = [("unit", "hanoi/cua-nam"), ("person", "cb-17")];

#[tokio::test]
async fn nothing_is_shown_and_nothing_asked_of_a_door_without_a_session() {
    let world = World::new().await;
    let mut browser = world.browser();
    for path in ["/duty".to_owned(), crate::doors::page(crate::doors::BRANCHES[0])] {
        let answer = browser.get(&path).await;
        assert_eq!((answer.status, answer.location(), &*answer.body), (303, "/duty/sign-in", ""));
    }
    let id = uuid::Uuid::new_v4().to_string();
    let form = [("request_id", id.as_str()), ("etag", "0"), ("seen", "1")];
    let path = format!("{}/acknowledge", crate::doors::page(crate::doors::BRANCHES[0]));
    let answer = browser.post(&path, &form).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("hãy xem lại trạng thái"), "{}", answer.body);
    assert!(!answer.body.contains("chưa được thực hiện"), "what was pressed may have been done: {}", answer.body);
    browser.cookies.insert("__Host-duty".to_owned(), "0".repeat(64));
    assert_eq!(browser.get("/duty").await.location(), "/duty/sign-in");
    assert_eq!(world.case.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_code_lets_in_once() {
    let world = World::new().await;
    let mut browser = world.browser();
    let asked = browser.post("/duty/sign-in", &PERSON).await;
    assert_eq!((asked.status, asked.location()), (303, "/duty/code"));
    let code = world.code(1).await;
    let mut again = browser.clone();
    let given = browser.post("/duty/code", &[("code", &code)]).await;
    assert_eq!((given.status, given.location()), (303, "/duty"));
    assert_eq!(browser.get("/duty").await.status, 200);
    let given = again.post("/duty/code", &[("code", &code)]).await;
    assert_eq!(given.status, 403);
    assert!(given.body.contains("không còn hiệu lực"), "{}", given.body);
    assert_eq!(again.get("/duty").await.location(), "/duty/sign-in");
}

#[tokio::test]
async fn five_wrong_tries_end_a_code_and_another_browser_ends_none() {
    let world = World::new().await;
    let (mut browser, mut other) = (world.browser(), world.browser());
    browser.post("/duty/sign-in", &PERSON).await;
    let code = world.code(1).await;
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    other.post("/duty/sign-in", &PERSON).await;
    for _ in 0..9 {
        assert_eq!(other.post("/duty/code", &[("code", &code)]).await.status, 403);
    }
    for _ in 0..5 {
        assert_eq!(browser.post("/duty/code", &[("code", wrong)]).await.status, 403);
    }
    assert_eq!(browser.post("/duty/code", &[("code", &code)]).await.status, 403);
}

#[tokio::test]
async fn a_code_ends_after_ten_minutes() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.post("/duty/sign-in", &PERSON).await;
    let code = world.code(1).await;
    world.later(600);
    assert_eq!(browser.post("/duty/code", &[("code", &code)]).await.status, 403);
}

#[tokio::test]
async fn whoever_is_not_there_is_answered_like_whoever_is_and_told_nothing() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for (unit, person) in [("hanoi/cua-nam", "cb-17"), ("hanoi/cua-nam", "cb-99"), ("hue/1", "cb-17"), ("?", "An Bình")]
    {
        let mut browser = world.browser();
        let asked = browser.post("/duty/sign-in", &[("unit", unit), ("person", person)]).await;
        let cookie = asked.header("set-cookie").to_owned();
        let (start, rest) = cookie.split_once('=').unwrap();
        let form = browser.get("/duty/code").await;
        let given = browser.post("/duty/code", &[("code", "1234567")]).await;
        answers.push((asked.status, asked.body, start.to_owned(), rest[64..].to_owned(), form.body, given.body));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    world.code(1).await;
    assert_eq!(world.told().len(), 1);
}

#[tokio::test]
async fn who_asks_again_and_again_is_told_few_codes_and_answered_alike() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        let mut browser = world.browser();
        let answer = browser.post("/duty/sign-in", &PERSON).await;
        answers.push((answer.status, answer.location().to_owned()));
    }
    assert!(answers.iter().all(|answer| *answer == (303, "/duty/code".to_owned())), "{answers:?}");
    world.code(3).await;
    assert_eq!(world.told().len(), 3);
}

#[tokio::test]
async fn asking_again_in_vain_leaves_the_code_usable_that_was_told() {
    let world = World::new().await;
    for (person, then) in [("cb-18", "cb-99"), ("cb-17", "cb-17")] {
        let [asked, then] = [person, then].map(|person| [("unit", "hanoi/cua-nam"), ("person", person)]);
        let (mut browser, before) = (world.browser(), world.told().len());
        browser.post("/duty/sign-in", &asked).await;
        let code = world.code(before + 1).await;
        if asked == then {
            // Others use up what the person is told.
            for number in 2..=3 {
                world.browser().post("/duty/sign-in", &asked).await;
                world.code(before + number).await;
            }
        }
        let again = browser.post("/duty/sign-in", &then).await;
        assert_eq!((again.status, again.location()), (303, "/duty/code"));
        let given = browser.post("/duty/code", &[("code", &code)]).await;
        assert_eq!((given.status, given.location()), (303, "/duty"));
    }
}

#[tokio::test]
async fn a_session_is_over_with_the_shift_though_nobody_asked_for_anything_meanwhile() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    world.shift.store(0, Ordering::SeqCst);
    crate::refusing::a_minute().await;
    world.shift.store(86_400, Ordering::SeqCst);
    assert_eq!(browser.get("/duty").await.location(), "/duty/sign-in");
}

#[tokio::test]
async fn what_is_told_with_a_code_says_nothing_of_any_case() {
    let world = World::new().await;
    world.browser().post("/duty/sign-in", &PERSON).await;
    let code = world.code(1).await;
    let told: serde_json::Value = serde_json::from_str(&world.told()[0]).unwrap();
    assert_eq!(told["type"], "duty.sign-in-code");
    assert_eq!(told["text"], format!("Mã đăng nhập {code}, dùng một lần trong 10 phút. Không đưa cho ai."));
}

#[tokio::test]
async fn a_session_ends_after_eight_hours_with_the_shift_and_when_somebody_signs_out() {
    let world = World::new().await;
    let mut browser = world.signed_in("hanoi/cua-nam", "cb-17").await;
    world.later(28_799);
    assert_eq!(browser.get("/duty").await.status, 200);
    world.later(1);
    assert_eq!(browser.get("/duty").await.location(), "/duty/sign-in");

    let mut browser = world.signed_in("hanoi/cua-nam", "cb-18").await;
    let mut kept = browser.clone();
    assert_eq!(browser.post("/duty/sign-out", &[]).await.location(), "/duty/sign-in");
    assert_eq!(kept.get("/duty").await.location(), "/duty/sign-in");

    let mut browser = world.signed_in("hanoi/cua-nam", "cb-18").await;
    world.shift.store(28_801, Ordering::SeqCst);
    world.later(1);
    assert_eq!(browser.get("/duty").await.location(), "/duty/sign-in");
}

#[tokio::test]
async fn whoever_is_reached_by_another_number_is_signed_out_and_the_code_told_to_the_old_one_does_not_count() {
    let world = World::new().await;
    let mut signed_in = world.signed_in("hanoi/cua-nam", "cb-18").await;
    let mut asked = world.browser();
    asked.post("/duty/sign-in", &PERSON).await;
    let code = world.code(2).await;
    world.number.store(99, Ordering::SeqCst);
    assert_eq!(signed_in.get("/duty").await.location(), "/duty/sign-in");
    assert_eq!(asked.post("/duty/code", &[("code", &code)]).await.status, 403);
    world.number.store(17, Ordering::SeqCst);
    assert_eq!(signed_in.get("/duty").await.location(), "/duty/sign-in", "for good");
}
