//! What became of the attempts of one request.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Watches the attempts of one request: the SDK only tells how the last one ended, and one before it may have been the one
/// that was stored. It is an interceptor of the request; where it is also one of its retry classifiers, nothing is sent again
/// that may have been stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// The connection of the attempt that has not ended.
    current: Option<CaptureSmithyConnection>,
    /// Whether one that has ended may have been stored.
    perhaps: bool,
    /// The same of those before the last one.
    perhaps_before: bool,
}

impl Attempts {
    /// Whether an attempt got as far as a connection, and was not refused over it.
    pub(crate) fn perhaps_stored(&self) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.perhaps || seen.current.as_ref().is_some_and(has_connection)
    }

    /// The same of all attempts but the last, of which there is an answer.
    pub(crate) fn perhaps_stored_before(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).perhaps_before
    }
}

fn has_connection(capture: &CaptureSmithyConnection) -> bool {
    capture.get().is_some()
}

#[dyn_dispatch_hint]
impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.perhaps_before = seen.perhaps;
        seen.current = config.load::<CaptureSmithyConnection>().cloned();
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = seen.current.take().as_ref().is_some_and(has_connection);
        let refused = context.response().is_some_and(|response| response.status().is_client_error());
        seen.perhaps |= sent && !refused;
        Ok(())
    }
}

impl ClassifyRetry for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn classify_retry(&self, _: &InterceptorContext) -> RetryAction {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).perhaps {
            true => RetryAction::RetryForbidden,
            false => RetryAction::NoActionIndicated,
        }
    }

    /// It has the last word.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
