//! What pages hold: little, escaped, and nothing that a browser would have to fetch.

use nhipcau_proto::referral::v1 as pb;

use super::{
    super::{
        enquiry::tests::enquiries,
        person::tests::person,
        shown::tests::{UNIT, name, named, referral, unit},
    },
    *,
};

const TYPED: &str = "<script>alert('x')</script>\"'&<img src=x>";

fn opened(referral: &pb::Referral) -> Opened {
    Opened::of(referral, &name(10), &unit(), &named).unwrap()
}

fn branch(opened: Opened, refused: Option<(String, usize)>) -> String {
    let (person, time) = (&person("cb-17"), "14:00 23/11/2026".to_owned());
    let now = Timestamp::from_second(1_795_417_200).unwrap();
    Branch { unit: "Phường Cửa Nam".to_owned(), person, opened, time, now, refused }.render().unwrap()
}

fn list(waiting: Waiting) -> String {
    List { unit: "Phường Cửa Nam".to_owned(), person: &person("cb-17"), waiting, enquiries: enquiries(30) }
        .render()
        .unwrap()
}

#[test]
fn a_list_that_may_lack_enquiries_says_so_though_it_shows_none() {
    let enquiries = super::super::enquiry::Enquiries { is_cut: true, ..Default::default() };
    let waiting = Waiting::of(&[], &unit(), &named, false);
    let page =
        List { unit: "Phường Cửa Nam".to_owned(), person: &person("cb-17"), waiting, enquiries }.render().unwrap();
    assert!(page.contains("Danh sách câu hỏi chưa đủ"), "{page}");
}

fn confirm(from: &str) -> Confirm {
    Confirm {
        path: name(10).path(),
        kind: "Chuyển gửi".to_owned(),
        from: from.to_owned(),
        act: Act::Reject,
        choice: 1,
        word: "Lý do khác".to_owned(),
        request_id: Uuid::from_u128(1),
        etag: from.to_owned(),
        seen: 1,
    }
}

fn pages() -> Vec<String> {
    let received = referral(10, UNIT, pb::BranchState::Received);
    let sign_in = SignIn { unit: "hanoi/cua-nam".to_owned(), error: Some("x".to_owned()) };
    let refused = Refused { text: "Không".to_owned(), reason: "ACCESS_DENIED".to_owned() };
    vec![
        confirm("moh/111").render().unwrap(),
        sign_in.render().unwrap(),
        Code { error: None }.render().unwrap(),
        refused.render().unwrap(),
        list(Waiting::of(std::slice::from_ref(&received), &unit(), &named, true)),
        branch(opened(&received), Some(("Đã thay đổi".to_owned(), 0))),
    ]
}

#[test]
fn a_list_of_a_hundred_is_less_than_50_kilobytes() {
    let all: Vec<_> = (0..130).map(|number| referral(number * 10, UNIT, pb::BranchState::Received)).collect();
    let page = list(Waiting::of(&all, &unit(), &named, true));
    assert!(page.len() < 50_000, "{}", page.len());
    assert_eq!(page.matches("<li>").count(), 100 + 20);
    assert!(page.contains("Còn 30 hồ sơ chưa hiện"), "{page}");
}

#[test]
fn whatever_a_person_typed_is_escaped() {
    let mut typed = referral(10, UNIT, pb::BranchState::Received);
    typed.branches[0].etag = TYPED.to_owned();
    typed.branches[0].time_limits[0].citation = TYPED.to_owned();
    typed.branches[0].history[0].event = TYPED.to_owned();
    let content = typed.content.as_mut().unwrap();
    content.identity.as_mut().unwrap().full_name.as_mut().unwrap().value = TYPED.to_owned();
    content.preview.as_mut().unwrap().reception.as_mut().unwrap().report_number = TYPED.to_owned();
    let named = |_: Option<&pb::UnitRef>| TYPED.to_owned();
    let opened = Opened::of(&typed, &name(10), &unit(), &named).unwrap();
    let refused = Refused { text: TYPED.to_owned(), reason: TYPED.to_owned() };
    let sign_in = SignIn { unit: TYPED.to_owned(), error: Some(TYPED.to_owned()) };
    let pages = [
        branch(opened, Some((TYPED.to_owned(), 0))),
        list(Waiting::of(&[typed], &unit(), &named, false)),
        refused.render().unwrap(),
        sign_in.render().unwrap(),
        confirm(TYPED).render().unwrap(),
    ];
    for page in pages {
        assert!(page.contains("script&#62;") || page.contains("script&gt;"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("\"'&"), "{page}");
    }
}

#[test]
fn a_page_needs_nothing_but_itself() {
    for page in pages() {
        assert!(page.contains("<html lang=\"vi\">"), "{page}");
        for outside in ["<script", "http:", "https:", "//", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside} in {page}");
        }
        assert!(page.contains(STYLE), "the style is not the one that the policy names");
    }
    let digest = STANDARD.encode(pae::sha256(STYLE.as_bytes()));
    assert!(POLICY.starts_with("default-src 'none'; ") && POLICY.contains(&digest), "{}", *POLICY);
}

#[test]
fn every_field_has_its_label_and_every_page_one_heading() {
    for page in pages() {
        for field in page.split("<input id=\"").skip(1).chain(page.split("<select id=\"").skip(1)) {
            let id = field.split('"').next().unwrap();
            assert!(page.contains(&format!("<label for=\"{id}\">")), "{id}");
        }
        let headings = page.matches("<h1").count() - page.matches("<h1 class=\"print\"").count();
        assert_eq!((headings, page.matches("<main>").count()), (1, 1), "{page}");
    }
}

#[test]
fn the_field_of_a_code_takes_as_many_digits_as_a_code_has() {
    let (page, told) = (Code { error: None }.render().unwrap(), super::super::code::Code::fresh().told());
    let digits = told.expose().len();
    assert!(page.contains(&format!("pattern=\"[0-9]{{{digits}}}\" maxlength=\"{digits}\"")), "{page}");
    assert!(page.contains(&format!("Mã {digits} chữ số</label>")), "{page}");
}

#[test]
fn a_title_says_nothing_of_a_case_or_a_person() {
    for page in pages() {
        let title = page.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(title.ends_with("Trang trực"), "{title}");
        for word in ["moh", "hanoi", "cb-17", "Chuyển giao", "trẻ"] {
            assert!(!title.contains(word), "{title}");
        }
    }
}

#[test]
fn every_form_of_a_branch_has_a_request_id_of_its_own_and_what_was_read() {
    let page = branch(opened(&referral(10, UNIT, pb::BranchState::Received)), None);
    let ids: Vec<_> = page.split("name=\"request_id\" value=\"").skip(1).map(|rest| &rest[..36]).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| Uuid::try_parse(id).is_ok()), "{ids:?}");
    assert_eq!(page.matches("name=\"etag\" value=\"etag-10\"").count(), 2);
    assert_eq!(page.matches("name=\"seen\" value=\"1\"").count(), 2);
}

#[test]
fn what_has_changed_since_is_shown_and_nothing_else_as_news() {
    let mut changed = referral(10, UNIT, pb::BranchState::Relieved);
    let relieved = pb::HistoryEntry { event: "relieved".to_owned(), ..Default::default() };
    changed.branches[0].history.push(relieved);
    let page = branch(opened(&changed), Some(("Hồ sơ đã thay đổi".to_owned(), 1)));
    let alert = page.split("role=\"alert\"").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(alert.contains("Hồ sơ đã thay đổi") && alert.contains("Được giải tỏa"), "{alert}");
    assert!(!alert.contains("Bên gửi gửi đến"), "{alert}");
    assert!(!page.contains("/acknowledge"), "a branch that has ended asks for nothing");
}

#[test]
fn the_printed_form_says_whose_form_it_is_and_leaves_buttons_out() {
    let page = branch(opened(&referral(10, UNIT, pb::BranchState::Received)), None);
    assert!(page.contains("Mẫu số 01, Nghị định 56/2017/NĐ-CP"), "{page}");
    assert!(STYLE.contains("@media print") && STYLE.contains("nav,form,.screen{display:none}"));
}
