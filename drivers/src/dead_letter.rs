//! What a message says of itself once it was given up.

/// The attribute that says why a message is in a dead-letter topic.
pub const DEAD_LETTER_REASON: &str = "Dead-Letter-Reason";
/// The attribute that names the topic from which a message came to a dead-letter topic.
pub const DEAD_LETTER_TOPIC: &str = "Dead-Letter-Topic";
/// The attribute that names the subscription from which a message came to a dead-letter topic.
pub const DEAD_LETTER_SUBSCRIPTION: &str = "Dead-Letter-Subscription";
/// The attribute that says how often a message was delivered before it came to a dead-letter topic.
pub const DEAD_LETTER_DELIVERIES: &str = "Dead-Letter-Deliveries";
