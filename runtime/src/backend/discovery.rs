//! `sd: dns`: hosts from SRV records, looked up again every `dns_cache_ttl`.
//!
//! Only the records of the lowest priority count, each as often as its weight says. What was found last stays while the
//! name cannot be looked up, as in KrakenD. A request that comes before the first answer waits for it.

use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::SRV;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::backend::url::Host;
use crate::client::Hosts;
use crate::opener::OpenFailure;

/// The most often that one host stands in the list.
const MAX_WEIGHT: u32 = 100;

/// Between two looks before anything is known.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A name whose hosts are looked up. Stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Discovery {
    found: watch::Receiver<Option<Arc<Hosts<Arc<Host>>>>>,
    task: AbortHandle,
}

/// What is looked up, and how the hosts are called.
#[derive(Debug)]
struct Service {
    name: &'static str,
    scheme: &'static str,
}

impl Discovery {
    /// Begins to look `name` up, with the system's resolver. Must be called on a tokio runtime.
    pub(crate) fn start(name: &'static str, scheme: &'static str, every: Duration) -> Result<Self, OpenFailure> {
        let failed = |error: &dyn std::fmt::Display| OpenFailure::new(format!("sd: no resolver: {error}"));
        let mut builder = TokioResolver::builder_tokio().map_err(|error| failed(&error))?;
        // The interval is `dns_cache_ttl`, not that of the records.
        builder.options_mut().cache_size = 0;
        let resolver = builder.build().map_err(|error| failed(&error))?;
        Ok(Self::with(resolver, Service { name, scheme }, every))
    }

    fn with(resolver: TokioResolver, service: Service, every: Duration) -> Self {
        let (sender, found) = watch::channel(None);
        let name = service.name;
        let task = tokio::spawn(async move {
            let mut known: Vec<String> = Vec::new();
            loop {
                match service.look_up(&resolver).await {
                    Ok(urls) if urls == known => {}
                    Ok(urls) => {
                        tracing::info!(name, hosts = %distinct(&urls), "hosts found");
                        let hosts = urls.iter().filter_map(|url| Host::parse(url).map(Arc::new).ok()).collect();
                        sender.send_replace(Some(Arc::new(Hosts::new(hosts))));
                        known = urls;
                    }
                    Err(error) => tracing::warn!(name, error, kept = known.len(), "hosts cannot be looked up"),
                }
                // Requests wait while nothing is known.
                tokio::time::sleep(if known.is_empty() { every.min(FIRST_PAUSE) } else { every }).await;
            }
        });
        Self { found, task: task.abort_handle() }
    }

    /// The host whose turn it is. Waits until some are known.
    pub(crate) async fn next(&self) -> Option<Arc<Host>> {
        let mut found = self.found.clone();
        let hosts = found.wait_for(Option::is_some).await.ok()?.clone();
        hosts?.next().cloned()
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Service {
    async fn look_up(&self, resolver: &TokioResolver) -> Result<Vec<String>, String> {
        let answer = resolver.srv_lookup(self.name).await.map_err(|error| error.to_string())?;
        let records: Vec<&SRV> = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) => Some(srv),
                _ => None,
            })
            .collect();
        let urls = self.urls(&records);
        if urls.is_empty() { Err("no SRV record names a host".to_owned()) } else { Ok(urls) }
    }

    /// A URL for each turn, sorted, so that an answer in another order changes nothing.
    fn urls(&self, records: &[&SRV]) -> Vec<String> {
        let lowest = records.iter().map(|srv| srv.priority).min();
        let mut chosen: Vec<_> = records.iter().filter(|srv| Some(srv.priority) == lowest).copied().collect();
        // A target of `.` means that there is no such service (RFC 2782).
        chosen.retain(|srv| !srv.target.is_root());
        chosen.sort_by_key(|srv| (srv.target.to_string(), srv.port));
        let weights: Vec<u32> = chosen.iter().map(|srv| u32::from(srv.weight)).collect();
        let mut urls = Vec::new();
        for (srv, turns) in chosen.iter().zip(turns(&weights)) {
            let target = srv.target.to_ascii();
            let url = format!("{}://{}:{}", self.scheme, target.trim_end_matches('.'), srv.port);
            urls.extend(std::iter::repeat_n(url, turns as usize));
        }
        urls
    }
}

/// How often each host stands in the list: the smallest numbers in the same proportion, none above [`MAX_WEIGHT`], none
/// left out.
fn turns(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let largest = weights.iter().max().copied().unwrap_or_default() / divisor;
    let scaled = |weight: &u32| {
        let weight = weight / divisor;
        if largest > MAX_WEIGHT { weight * MAX_WEIGHT / largest } else { weight }
    };
    weights.iter().map(|weight| scaled(weight).max(1)).collect()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn distinct(urls: &[String]) -> String {
    let mut urls = urls.to_vec();
    urls.dedup();
    urls.join(", ")
}

#[cfg(test)]
mod tests;
