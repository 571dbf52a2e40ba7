//! What a named broker of NATS may say.

use crate::{Setting, SettingKind};

/// The settings of [`DRIVER`](super::DRIVER).
pub(super) static SETTINGS: &[Setting] = ALL;

/// Those that have nothing to do with subscriptions: JetStream's.
pub(crate) static OF_JETSTREAM: &[Setting] = ALL.split_at(ALL.len() - 1).0;

const ALL: &[Setting] = &[
    Setting { required: true, ..setting("servers", SettingKind::List) },
    setting("user", SettingKind::Text),
    setting("password", SettingKind::Secret),
    setting("token", SettingKind::Secret),
    setting("nkey", SettingKind::Secret),
    setting("credentials", SettingKind::Path),
    setting("tls.required", SettingKind::Flag),
    setting("tls.ca_certs", SettingKind::Paths),
    setting("tls.client_cert", SettingKind::Path),
    setting("tls.client_key", SettingKind::Path),
    setting("tls.disable_system_ca_pool", SettingKind::Flag),
    setting("max_pending", SettingKind::Number),
    setting("buffer", SettingKind::Number),
];

const fn setting(name: &'static str, kind: SettingKind) -> Setting {
    Setting { name, kind, required: false }
}
