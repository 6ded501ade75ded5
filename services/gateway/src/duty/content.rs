//! What a referral says, as sections of labels and texts in the order of form 01 of Decree 56/2017/NĐ-CP: source,
//! child, what happened, who reported. Only what the contract has; what the sender did not know is said to be unknown
//! and never left out.
//!
//! Nothing is decided here about who sees what: the door gives what one branch was given, and all of it is shown.

use nhipcau_proto::referral::v1 as pb;

use super::words;

/// Some texts under a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// What they are about.
    pub(crate) title: &'static str,
    /// What is said.
    pub(crate) rows: Vec<Row>,
}

/// A text and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) label: &'static str,
    /// What it says.
    pub(crate) text: String,
}

fn row(label: &'static str, text: impl Into<String>) -> Row {
    Row { label, text: text.into() }
}

/// The sections of what was given.
pub(crate) fn sections(content: &pb::ReferralContent) -> Vec<Section> {
    let pb::ReferralContent { preview, identity, narrative, reporter } = content;
    let sections = [
        preview.as_ref().map(|it| Section { title: "Tiếp nhận và tóm tắt", rows: of_preview(it) }),
        identity
            .as_ref()
            .map(|it| Section { title: "Trẻ hoặc người được bảo vệ", rows: of_identity(it) }),
        narrative.as_ref().map(|it| Section { title: "Sự việc", rows: of_narrative(it) }),
        reporter.as_ref().map(|it| Section { title: "Người báo tin", rows: of_reporter(it) }),
    ];
    sections.into_iter().flatten().collect()
}

fn of_preview(preview: &pb::ReferralPreview) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(reception) = &preview.reception {
        rows.push(row("Số tiếp nhận", or_none(&reception.report_number)));
        rows.push(row("Nguồn tin", words::report_channel(reception.channel)));
        rows.push(row("Nhận tin lúc", words::time(reception.report_time.as_ref())));
        rows.push(row("Mã cán bộ tiếp nhận", or_none(&reception.officer)));
    }
    rows.push(row("Đối tượng", words::subject(preview.subject)));
    rows.push(row("Hình thức xâm hại", joined(&preview.abuse_types, words::abuse)));
    if !preview.protection_concerns.is_empty() {
        rows.push(row("Vấn đề bảo vệ (mã)", preview.protection_concerns.join(", ")));
    }
    if !preview.service_types.is_empty() {
        rows.push(row("Dịch vụ được nhờ", joined(&preview.service_types, words::service)));
    }
    rows.push(row("Cần hành động", words::timeframe(preview.response_timeframe)));
    rows.push(row("Mức nguy cơ theo bên gửi", words::risk(preview.risk_level)));
    let graded = preview.criteria.iter();
    let graded = graded.map(|it| format!("{}: {}", words::criterion(it.criterion), words::risk(it.level)));
    let graded: Vec<_> = graded.collect();
    if !graded.is_empty() {
        rows.push(row("Từng tiêu chí", graded.join("; ")));
    }
    rows.push(row("Nhóm tuổi", words::age(preview.age_group)));
    rows.push(row("Giới tính", words::sex(preview.sex)));
    rows.push(row("Nơi xảy ra", area(preview.incident_area.as_ref())));
    rows
}

fn of_identity(identity: &pb::ReferralIdentity) -> Vec<Row> {
    let mut rows = vec![
        row("Họ và tên", known(identity.full_name.as_ref())),
        row("Ngày sinh hoặc tuổi", birth(identity.birth.as_ref())),
        row("Giới tính", words::sex(identity.sex)),
        row("Nơi ở", area(identity.home_area.as_ref())),
        row("Địa chỉ", known(identity.home_address.as_ref())),
        row("Hiện đang ở", area(identity.current_area.as_ref())),
    ];
    let relatives = [("Mẹ", &identity.mother), ("Cha", &identity.father), ("Người đang chăm sóc", &identity.carer)];
    rows.extend(relatives.map(|(label, it)| row(label, relative(it.as_ref()))));
    rows.push(row("Liên lạc an toàn", contact(identity.contact.as_ref())));
    rows.extend(attached(&identity.attachments));
    rows
}

fn of_narrative(narrative: &pb::ReferralNarrative) -> Vec<Row> {
    let mut rows = vec![
        row("Địa điểm xảy ra", known(narrative.incident_place.as_ref())),
        row("Thời gian xảy ra", known(narrative.incident_time_text.as_ref())),
        row("Tình trạng hiện tại", known(narrative.condition.as_ref())),
        row("Hậu quả có thể xảy ra nếu không hỗ trợ", known(narrative.likely_consequences.as_ref())),
        row("Hoàn cảnh gia đình", known(narrative.family_circumstances.as_ref())),
        row("Việc đã làm", known(narrative.actions_taken.as_ref())),
        row("Vì sao gửi đến đơn vị này", known(narrative.request_reason.as_ref())),
    ];
    if !narrative.suspects.is_empty() {
        let suspects = joined(&narrative.suspects, words::suspect);
        rows.push(row("Bị nghi, không hỏi và không báo", suspects));
    }
    if !narrative.notes.is_empty() {
        rows.push(row("Ghi chú", narrative.notes.as_str()));
    }
    rows.extend(attached(&narrative.attachments));
    rows
}

fn of_reporter(reporter: &pb::ReferralReporter) -> Vec<Row> {
    vec![
        row("Họ và tên", known(reporter.full_name.as_ref())),
        row("Địa chỉ", known(reporter.address.as_ref())),
        row("Liên lạc an toàn", contact(reporter.contact.as_ref())),
    ]
}

/// How many there are: they are opened in the unit's own system, not here.
fn attached(attachments: &[pb::Attachment]) -> Option<Row> {
    let count = attachments.len();
    (count > 0).then(|| row("Tệp đính kèm", format!("{count} tệp, mở bằng hệ thống của đơn vị")))
}

fn known(text: Option<&pb::KnownText>) -> String {
    match text {
        Some(text) if !text.value.is_empty() => text.value.clone(),
        Some(text) => in_brackets(text.unknown),
        None => "(không có)".to_owned(),
    }
}

fn birth(birth: Option<&pb::Birth>) -> String {
    let Some(birth) = birth else { return "(không có)".to_owned() };
    match (&birth.birth_date, birth.estimated_age_years) {
        (Some(date), _) => match (date.year, date.month, date.day) {
            (year, 0, _) => format!("năm {year}"),
            (year, month, 0) => format!("tháng {month} năm {year}"),
            (year, month, day) => format!("{day:02}/{month:02}/{year}"),
        },
        (None, Some(years)) => format!("khoảng {years} tuổi"),
        (None, None) => in_brackets(birth.unknown),
    }
}

fn relative(relative: Option<&pb::Relative>) -> String {
    let Some(relative) = relative else { return "(không có)".to_owned() };
    let age = relative.age_years.map_or_else(|| "(không rõ)".to_owned(), |years| years.to_string());
    let (name, work) = (known(relative.full_name.as_ref()), known(relative.occupation.as_ref()));
    format!("{name}; tuổi: {age}; nghề nghiệp: {work}")
}

/// Never the detail without what makes it safe.
fn contact(contact: Option<&pb::SafeContact>) -> String {
    let Some(contact) = contact else { return "(không có cách liên lạc an toàn)".to_owned() };
    let pb::SafeContact { channel, detail, hours, answerer, message_allowed } = contact;
    let message =
        if *message_allowed { "được để lại lời nhắn" } else { "KHÔNG để lại lời nhắn" };
    let channel = words::contact_channel(*channel);
    format!("{channel}: {detail}. Chỉ trong giờ: {hours}. Người được nghe: {answerer}; {message}")
}

fn area(area: Option<&pb::AdminUnitRef>) -> String {
    let Some(area) = area else { return "(không rõ)".to_owned() };
    let pb::AdminUnitRef { code, level, code_list_version } = area;
    format!("mã {code}, {}, danh mục {code_list_version}", words::level(*level))
}

fn joined(codes: &[i32], word: fn(i32) -> String) -> String {
    if codes.is_empty() {
        return "(không có)".to_owned();
    }
    codes.iter().map(|code| word(*code)).collect::<Vec<_>>().join("; ")
}

fn in_brackets(unknown: i32) -> String {
    format!("({})", words::unknown(unknown))
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "(không có)" } else { text }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What every part says of itself, so that each can be found.
    pub(crate) fn content() -> pb::ReferralContent {
        let known = |text: &str| Some(pb::KnownText { value: text.to_owned(), unknown: 0 });
        pb::ReferralContent {
            preview: Some(pb::ReferralPreview {
                reception: Some(pb::Reception { report_number: "in preview".to_owned(), ..Default::default() }),
                ..Default::default()
            }),
            identity: Some(pb::ReferralIdentity {
                full_name: known("in identity"),
                birth: Some(pb::Birth { estimated_age_years: Some(9), ..Default::default() }),
                contact: Some(pb::SafeContact {
                    channel: pb::ContactChannel::Call.into(),
                    detail: "0900 000 001".to_owned(),
                    hours: "sau 18 giờ".to_owned(),
                    answerer: "bà ngoại".to_owned(),
                    message_allowed: false,
                }),
                ..Default::default()
            }),
            narrative: Some(pb::ReferralNarrative {
                condition: known("in narrative"),
                actions_taken: Some(pb::KnownText {
                    value: String::new(),
                    unknown: pb::UnknownReason::NotAsked.into(),
                }),
                ..Default::default()
            }),
            reporter: Some(pb::ReferralReporter { full_name: known("in reporter"), ..Default::default() }),
        }
    }

    fn texts(content: &pb::ReferralContent) -> String {
        let sections = sections(content);
        sections.iter().flat_map(|it| &it.rows).map(|row| format!("{}: {}\n", row.label, row.text)).collect()
    }

    #[test]
    fn what_was_given_is_shown_part_by_part_and_what_was_not_has_no_place() {
        assert_eq!(texts(&pb::ReferralContent::default()), "");
        let all = texts(&content());
        for mark in ["in preview", "in identity", "in narrative", "in reporter"] {
            assert!(all.contains(mark), "{mark} in {all}");
        }
        let narrative = texts(&pb::ReferralContent { narrative: content().narrative, ..Default::default() });
        assert!(narrative.contains("in narrative") && !narrative.contains("Họ và tên"), "{narrative}");
    }

    #[test]
    fn what_is_unknown_is_said_and_not_left_out() {
        let shown = texts(&content());
        for line in ["Việc đã làm: (chưa hỏi)\n", "Mẹ: (không có)\n", "Ngày sinh hoặc tuổi: khoảng 9 tuổi\n"]
        {
            assert!(shown.contains(line), "{line} in {shown}");
        }
    }

    #[test]
    fn a_way_to_reach_somebody_is_never_shown_without_what_makes_it_safe() {
        let shown = texts(&content());
        let line = "Liên lạc an toàn: Gọi điện: 0900 000 001. Chỉ trong giờ: sau 18 giờ. Người được nghe: bà ngoại; \
            KHÔNG để lại lời nhắn\n";
        assert!(shown.contains(line), "{shown}");
    }

    #[test]
    fn a_birth_date_is_shown_as_far_as_it_is_known() {
        let of = |year, month, day| {
            let birth_date = Some(nhipcau_proto::google::r#type::Date { year, month, day });
            birth(Some(&pb::Birth { birth_date, ..Default::default() }))
        };
        assert_eq!([of(2017, 0, 0), of(2017, 3, 0), of(2017, 3, 2)], ["năm 2017", "tháng 3 năm 2017", "02/03/2017"]);
    }
}
