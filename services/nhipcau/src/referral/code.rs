//! Codes of the contract as people type them: without the prefix of their list, in any case, '-' or '_' between words.
//!
//! Only for reading and showing on a terminal; JSON documents have the names of the contract.

/// A list of codes of the contract, which the generated enumerations do not share a trait for.
pub(crate) trait List: TryFrom<i32> + Copy {
    /// What every name of the list begins with.
    const PREFIX: &str;

    /// The name in the contract.
    fn name(&self) -> &'static str;
}

macro_rules! lists {
    ($package:ident: $($list:ident = $prefix:literal;)*) => {
        $(impl List for nhipcau_proto::$package::v1::$list {
            const PREFIX: &str = $prefix;

            fn name(&self) -> &'static str {
                self.as_str_name()
            }
        })*
    };
}

lists! {
    placement:
    PlacementState = "PLACEMENT_STATE_";
}

lists! {
    referral:
    AgeGroup = "AGE_GROUP_";
    AttachmentKind = "ATTACHMENT_KIND_";
    AttachmentMediaType = "ATTACHMENT_MEDIA_TYPE_";
    AttachmentState = "ATTACHMENT_STATE_";
    BranchCondition = "BRANCH_CONDITION_";
    BranchState = "BRANCH_STATE_";
    CountedDayKind = "COUNTED_DAY_KIND_";
    Danger = "DANGER_";
    ErrorReason = "ERROR_REASON_";
    HandBackReason = "HAND_BACK_REASON_";
    Outcome = "OUTCOME_";
    RedirectReason = "REDIRECT_REASON_";
    ReferralKind = "REFERRAL_KIND_";
    ReferralPart = "REFERRAL_PART_";
    RejectionCode = "REJECTION_CODE_";
    RevocationReason = "REVOCATION_REASON_";
    ReportChannel = "REPORT_CHANNEL_";
    ReviewConclusion = "REVIEW_CONCLUSION_";
    RiskCriterionCode = "RISK_CRITERION_CODE_";
    RiskLevel = "RISK_LEVEL_";
    ServiceType = "SERVICE_TYPE_";
    Sex = "SEX_";
    Side = "SIDE_";
    TimeLimitStop = "TIME_LIMIT_STOP_";
    WorkKind = "WORK_KIND_";
}

lists! {
    switchboard:
    AskedField = "ASKED_FIELD_";
    AlarmCancelReason = "ALARM_CANCEL_REASON_";
    AlarmDeviceState = "ALARM_DEVICE_STATE_";
    AlarmNote = "ALARM_NOTE_";
    AlarmState = "ALARM_STATE_";
    ContactCloseReason = "CONTACT_CLOSE_REASON_";
    ContactState = "CONTACT_STATE_";
    HandoverState = "HANDOVER_STATE_";
    RouteQuestion = "ROUTE_QUESTION_";
    UnitVerdict = "UNIT_VERDICT_";
}

/// The lists of this contract are shorter than this.
const LONGEST: i32 = 64;

fn all<L: List>() -> impl Iterator<Item = L> {
    // Zero stands for nothing in every list.
    (1..LONGEST).filter_map(|number| L::try_from(number).ok())
}

fn word<L: List>(code: &L) -> String {
    code.name().trim_start_matches(L::PREFIX).to_ascii_lowercase().replace('_', "-")
}

/// Reads a code.
///
/// # Errors
/// Lists the codes that there are.
pub(crate) fn parse<L: List>(text: &str) -> Result<L, String> {
    let typed = text.to_ascii_lowercase().replace('_', "-");
    let known = || all::<L>().map(|code| word(&code)).collect::<Vec<_>>().join(", ");
    all::<L>().find(|code| word(code) == typed).ok_or_else(|| format!("expected one of {}", known()))
}

/// Writes a code of an answer as people know it; one that this program does not know by its number.
pub(crate) fn shown<L: List>(number: i32) -> String {
    L::try_from(number).map_or_else(|_| number.to_string(), |code| code.name().trim_start_matches(L::PREFIX).to_owned())
}
