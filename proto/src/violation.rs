//! What breaks a contract's rules, as pairs of field and rule. Values never appear in it: a broken field may hold
//! personal data, and violations are logged and answered.

use prost_protovalidate::Validate;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path of the field in the contract's own spelling, such as `subject.birth_date` or `observations[2].value`.
    /// Empty when the rule is about the message as a whole.
    pub field: String,
    /// Rule as `buf.validate` names it, such as `string.pattern` or `required`.
    pub rule: String,
}

/// Every broken rule of a message, nested messages included, in the order of the contract; empty when all hold.
pub fn violations(message: &impl Validate) -> Vec<Violation> {
    let Err(broken) = message.validate() else {
        return Vec::new();
    };
    broken
        .violations()
        .iter()
        .map(|violation| Violation { field: violation.field_path(), rule: violation.rule_id().to_owned() })
        .collect()
}
