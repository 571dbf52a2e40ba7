use std::sync::atomic::{AtomicUsize, Ordering};

/// The hosts of a backend, `scheme://authority` with or without a path, taken in turn.
///
/// ```
/// use sluicegate_runtime::client::Hosts;
/// static HOSTS: Hosts = Hosts::new(&["http://a.test", "http://b.test:81/v1"]);
/// assert_eq!([HOSTS.next(), HOSTS.next(), HOSTS.next()], ["http://a.test", "http://b.test:81/v1", "http://a.test"]);
/// ```
#[derive(Debug)]
pub struct Hosts {
    hosts: &'static [&'static str],
    turns: AtomicUsize,
}

impl Hosts {
    /// Begins with the first of `hosts`.
    pub const fn new(hosts: &'static [&'static str]) -> Self {
        Self { hosts, turns: AtomicUsize::new(0) }
    }

    /// The host whose turn it is: one atomic addition, or none when there is one host. Empty without hosts,
    /// which a build refuses.
    pub fn next(&self) -> &'static str {
        match self.hosts {
            [] => "",
            [only] => only,
            hosts => hosts[self.turns.fetch_add(1, Ordering::Relaxed) % hosts.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns() {
        for (hosts, taken) in
            [(&[][..], ["", "", "", ""]), (&["a"], ["a", "a", "a", "a"]), (&["a", "b", "c"], ["a", "b", "c", "a"])]
        {
            let hosts = Hosts::new(hosts);
            assert_eq!(taken, std::array::from_fn(|_| hosts.next()));
        }
        let wrapping = Hosts { hosts: &["a", "b"], turns: AtomicUsize::new(usize::MAX) };
        assert_eq!([wrapping.next(), wrapping.next()], ["b", "a"]);
    }
}
