//! The codes of the referral contract in Vietnamese, as the documents in `docs/vi` call them, and times as people at a
//! desk read them. A code that is newer than this program is shown as it is, never passed over.

use jiff::{
    Timestamp,
    tz::{TimeZone, offset},
};
use nhipcau_proto::referral::v1 as pb;

/// A table of words: what has none is shown by its number.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $of:ident { $($code:ident => $word:literal,)* }) => {
        $(#[$doc])*
        pub(crate) fn $name(code: i32) -> String {
            match pb::$of::try_from(code) {
                $(Ok(pb::$of::$code) => $word.to_owned(),)*
                Ok(pb::$of::Unspecified) | Err(_) => format!("mã {code}"),
            }
        }
    };
}

words! {
    /// A kind of referral.
    kind: ReferralKind {
        Transfer => "Chuyển giao",
        Referral => "Chuyển gửi",
        Notification => "Thông báo",
    }
}

words! {
    /// A state of a branch.
    state: BranchState {
        Submitted => "Đã gửi đến",
        Received => "Chờ xác nhận tiếp nhận",
        Acknowledged => "Đã xác nhận tiếp nhận",
        Accepted => "Đã chấp nhận",
        Assigned => "Đã được phân công",
        InService => "Đang can thiệp",
        Completed => "Đã báo kết quả",
        Closed => "Đã kết thúc",
        Rejected => "Đã từ chối",
        Redirected => "Đã chuyển hướng",
        Relieved => "Được giải tỏa",
        Revoked => "Đã thu hồi",
        Returned => "Bị trả về",
        EnteredInError => "Hủy do nhập sai",
    }
}

words! {
    /// A condition of a branch.
    condition: BranchCondition {
        Overdue => "Đã quá thời hạn",
        Escalated => "Đã chuyển cấp",
        Unacknowledged => "Quá giờ phải xác nhận",
        Warned => "Quá giờ nhắc",
        RevocationRequested => "Bên gửi yêu cầu dừng",
        EmergencyReleased => "Nội dung được mở trong trường hợp khẩn cấp",
        ErasureDue => "Phải xóa nội dung",
        LimitUnknown => "Có thời hạn không tính được",
        HandBackRequested => "Đã đề nghị trả lại",
        AssignmentHeld => "Chờ cán bộ bên gửi quyết định",
        WithdrawalUnanswered => "Chưa trả lời việc rút sự đồng ý",
        LegalHold => "Đang có lệnh giữ hồ sơ",
        AcknowledgedByTelephone => "Đã nhận qua điện thoại, chờ cán bộ xác nhận",
        Unattended => "Không còn ai để báo",
        HandOverHeld => "Chờ bàn giao cho đơn vị kế nhiệm",
        HandedOver => "Đã bàn giao cho đơn vị kế nhiệm",
    }
}

words! {
    /// Who is concerned.
    subject: CaseSubject {
        Abused => "Trẻ em bị xâm hại",
        AtRisk => "Trẻ em có nguy cơ bị bạo lực, bóc lột, bỏ rơi",
        SpecialCircumstances => "Trẻ em có hoàn cảnh đặc biệt",
        AdultViolence => "Người lớn bị bạo lực gia đình",
        Unknown => "Chưa rõ",
    }
}

words! {
    /// A form of abuse.
    abuse: AbuseType {
        Violence => "Bạo lực",
        Exploitation => "Bóc lột",
        SexualAbuse => "Xâm hại tình dục",
        Trafficking => "Mua bán",
        Abandonment => "Bỏ rơi",
        Neglect => "Bỏ mặc",
        Other => "Hình thức gây tổn hại khác",
    }
}

words! {
    /// A service.
    service: ServiceType {
        SafePlace => "Nơi tạm lánh, qua bộ phận tiếp nhận",
        Health => "Y tế",
        Psychosocial => "Hỗ trợ tâm lý, xã hội",
        Police => "Công an",
        Legal => "Trợ giúp pháp lý",
        Livelihood => "Sinh kế",
        ChildProtection => "Bảo vệ trẻ em",
        FamilyMediation => "Hòa giải gia đình",
        FamilyReunification => "Đoàn tụ gia đình",
        Education => "Giáo dục",
        Goods => "Quần áo, đồ dùng",
        WaterSanitation => "Nước sạch, vệ sinh",
        Registration => "Hộ tịch",
        Food => "Lương thực",
        Other => "Dịch vụ khác",
    }
}

words! {
    /// How soon something has to be done.
    timeframe: ResponseTimeframe {
        OneHour => "Trong 1 giờ",
        ThreeHours => "Trong 3 giờ",
        OneDay => "Trong 1 ngày",
        ThreeDays => "Trong 3 ngày",
    }
}

words! {
    /// A grade of risk.
    risk: RiskLevel {
        High => "Cao",
        Medium => "Trung bình",
        Low => "Thấp",
        Unknown => "Chưa đánh giá",
    }
}

words! {
    /// A criterion of risk.
    criterion: RiskCriterionCode {
        HarmStillSerious => "Tổn hại còn nghiêm trọng",
        PerpetratorAccess => "Người gây tổn hại tiếp cận được trẻ",
        ObstaclesInCare => "Trở ngại ở nơi chăm sóc",
        SelfProtection => "Khả năng tự bảo vệ và phục hồi của trẻ",
    }
}

words! {
    /// An age by group.
    age: AgeGroup {
        Unknown => "Không rõ",
        Under6 => "Dưới 6 tuổi",
        AgeGroup6To12 => "6 đến 12 tuổi",
        AgeGroup13To15 => "13 đến 15 tuổi",
        AgeGroup16To17 => "16, 17 tuổi",
        Adult => "18 tuổi trở lên",
    }
}

words! {
    /// A sex.
    sex: Sex {
        Male => "Nam",
        Female => "Nữ",
        Unknown => "Không rõ",
    }
}

words! {
    /// A channel of a report.
    report_channel: ReportChannel {
        Phone => "Điện thoại",
        InPerson => "Gặp trực tiếp",
        Messaging => "Tài khoản nhắn tin",
        App => "Ứng dụng của tổng đài",
        Web => "Trang mạng",
        Letter => "Thư",
        Dispatch => "Công văn",
        Press => "Báo chí",
        AlarmKey => "Phím số bình yên",
        Other => "Hình thức khác",
    }
}

words! {
    /// A channel by which somebody can be reached.
    contact_channel: ContactChannel {
        Call => "Gọi điện",
        Text => "Nhắn tin",
        Messaging => "Tài khoản nhắn tin",
        TrustedPerson => "Qua người tin cậy",
    }
}

words! {
    /// Who is under suspicion.
    suspect: ConsentGiver {
        Subject => "Người được bảo vệ",
        Mother => "Mẹ",
        Father => "Cha",
        Guardian => "Người giám hộ",
        OtherRepresentative => "Người đại diện khác",
    }
}

words! {
    /// Why a value is not known.
    unknown: UnknownReason {
        NotKnown => "không rõ",
        NotAsked => "chưa hỏi",
        Declined => "người được hỏi không nói",
        Withheld => "bên gửi giữ lại",
    }
}

words! {
    /// Why a branch is redirected.
    redirection: RedirectReason {
        OutsideArea => "Không thuộc địa bàn",
        NotCompetent => "Không thuộc thẩm quyền",
        NobodyOnDuty => "Không ai làm kịp",
        Other => "Lý do khác",
    }
}

words! {
    /// A kind of work.
    work: WorkKind {
        InitialAssessment => "Đánh giá nguy cơ ban đầu (Mẫu số 02)",
        EmergencyMeasure => "Biện pháp khẩn cấp",
        SpecificAssessment => "Đánh giá nguy cơ cụ thể (Mẫu số 03)",
        PlanDrafted => "Xây dựng kế hoạch",
        PlanApproved => "Phê duyệt kế hoạch",
        Measure => "Biện pháp hỗ trợ, can thiệp",
        Review => "Rà soát (Mẫu số 06)",
    }
}

words! {
    /// Why a branch is rejected.
    rejection: RejectionCode {
        NoCapacity => "Hiện không đủ khả năng tiếp nhận",
        ServiceNotOffered => "Đơn vị không có dịch vụ này",
        NotEligible => "Không thuộc đối tượng của đơn vị",
        OutsideArea => "Không thuộc địa bàn",
        AlreadyServed => "Đã được hỗ trợ tại đơn vị",
        NotEnoughInformation => "Phần xem trước chưa đủ để quyết định",
        Other => "Lý do khác",
    }
}

words! {
    /// What a review came to.
    conclusion: ReviewConclusion {
        Close => "Có thể kết thúc",
        NewPlan => "Cần kế hoạch mới",
    }
}

words! {
    /// Why a branch is handed back.
    hand_back: HandBackReason {
        OutsideArea => "Không thuộc địa bàn",
        NotCompetent => "Không thuộc thẩm quyền",
        NoCapacity => "Không đủ khả năng làm tiếp",
        Safety => "Đơn vị làm tiếp thì có thể gây hại",
        Other => "Lý do khác",
    }
}

words! {
    /// How a service ended.
    outcome: Outcome {
        Resolved => "Đã can thiệp, không còn nguy cơ",
        OngoingElsewhere => "Đã can thiệp, việc hỗ trợ tiếp tục ngoài hồ sơ này",
        Declined => "Người được bảo vệ không nhận hỗ trợ",
        NotReached => "Không liên lạc được",
        NotProvided => "Không thực hiện được dịch vụ",
        Other => "Kết quả khác",
    }
}

words! {
    /// A part of the content.
    part: ReferralPart {
        Preview => "phần xem trước",
        Identity => "nhân thân",
        Narrative => "trình bày sự việc",
        Reporter => "người báo tin",
        Work => "việc đã làm",
    }
}

words! {
    /// Level of an administrative unit.
    level: AdminLevel {
        Province => "cấp tỉnh",
        District => "cấp huyện cũ",
        Commune => "cấp xã",
    }
}

/// An event of a branch, by its name in the contract.
pub(crate) fn event(name: &str) -> &str {
    match name {
        "opened" => "Bên gửi gửi đến",
        "received" => "Bên gửi có biên nhận",
        "assigned" => "Bên gửi phân công",
        "disclosure_added" => "Bên gửi gửi thêm nội dung",
        "emergency_released" => "Bên gửi mở nội dung khẩn cấp",
        "escalated" => "Hệ thống chuyển cấp",
        "relieved" => "Được giải tỏa",
        "revoked" => "Bên gửi thu hồi",
        "revocation_requested" => "Bên gửi yêu cầu dừng",
        "consent_withdrawn" => "Sự đồng ý bị rút",
        "entered_in_error" => "Bên gửi hủy do nhập sai",
        "closed" => "Bên gửi kết thúc",
        "hand_back_taken" => "Bên gửi nhận lại",
        "returned" => "Bị trả về",
        "telephone_acknowledgement_recorded" => "Bên gửi ghi nhận việc nhận qua điện thoại",
        "acknowledged" => "Cán bộ xác nhận tiếp nhận",
        "accepted" => "Chấp nhận",
        "rejected" => "Từ chối",
        "redirected" => "Chuyển hướng",
        "service_started" => "Bắt đầu can thiệp",
        "completed" => "Báo kết quả",
        "revocation_granted" => "Đồng ý dừng",
        "revocation_refused" => "Không đồng ý dừng",
        "erased" => "Xác nhận đã xóa",
        "hand_back_requested" => "Đề nghị trả lại",
        "work_recorded" => "Ghi nhận việc đã làm",
        "unattended" => "Hệ thống không còn ai để báo",
        "withdrawal_answered" => "Trả lời việc rút sự đồng ý",
        other => other,
    }
}

/// A time in Viet Nam; empty when there is none.
pub(crate) fn time(time: Option<&prost_types::Timestamp>) -> String {
    let at = time.and_then(|it| Timestamp::new(it.seconds, it.nanos).ok());
    let zone = TimeZone::fixed(offset(7));
    at.map(|at| zone.to_datetime(at).strftime("%H:%M %d/%m/%Y").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_not_known_is_shown_and_not_passed_over() {
        assert_eq!(state(pb::BranchState::Received.into()), "Chờ xác nhận tiếp nhận");
        assert_eq!([state(0), state(99), condition(99)], ["mã 0", "mã 99", "mã 99"]);
        assert_eq!(event("invented"), "invented");
    }

    #[test]
    fn times_are_those_of_viet_nam() {
        let at = prost_types::Timestamp { seconds: 1_795_417_200, nanos: 0 };
        assert_eq!(time(Some(&at)), "14:00 23/11/2026");
        assert_eq!(time(None), "");
    }
}
