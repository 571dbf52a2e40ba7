use proptest::prelude::*;

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);
const MAX_DELIVERIES: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Push,
    Take,
    Ack(usize),
    GiveBack(usize),
    GiveBackLater(usize, u64),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        4 => Just(Step::Take),
        2 => (0..8_usize).prop_map(Step::Ack),
        2 => (0..8_usize).prop_map(Step::GiveBack),
        1 => (0..8_usize, 0..30_u64).prop_map(|(delivery, seconds)| Step::GiveBackLater(delivery, seconds)),
        1 => (0..15_u64).prop_map(Step::Pass),
    ]
}

/// The same queue, as plainly as it can be written.
#[derive(Default)]
struct Model {
    messages: BTreeMap<u64, Place>,
    counts: BTreeMap<u64, u32>,
    dead: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    InFlight(Instant),
    Delayed(Instant),
}

impl Model {
    fn take(&mut self, now: Instant) -> Option<(u64, u32)> {
        let (number, place) = self.messages.iter_mut().find(|(_, place)| **place == Place::Ready)?;
        *place = Place::InFlight(now + DEADLINE);
        let count = self.counts.entry(*number).or_default();
        *count += 1;
        Some((*number, *count))
    }

    fn give_back(&mut self, number: u64, to: Place) {
        if self.counts[&number] >= MAX_DELIVERIES {
            self.messages.remove(&number);
            self.dead.push(number);
        } else {
            self.messages.insert(number, to);
        }
    }

    fn reclaim(&mut self, now: Instant) {
        for (number, place) in self.messages.clone() {
            match place {
                Place::InFlight(due) if due <= now => self.give_back(number, Place::Ready),
                Place::Delayed(due) if due <= now => self.give_back(number, Place::Ready),
                _ => {}
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let due = |place: &Place| match place {
            Place::Ready => None,
            Place::InFlight(due) | Place::Delayed(due) => Some(*due),
        };
        self.messages.values().filter_map(due).min()
    }
}

fn number(message: &Message) -> u64 {
    message.key.as_deref().and_then(|key| key.parse().ok()).expect("every message has its number")
}

proptest! {
    #[test]
    fn does_what_the_plain_one_does(steps in prop::collection::vec(step(), 0..200)) {
        let settings =
            Settings { ack_deadline: DEADLINE, max_deliveries: Some(MAX_DELIVERIES), ..Settings::default() };
        let mut queue = Queue::new(0, "".into(), settings);
        let mut model = Model::default();
        let mut afterwards = Afterwards::default();
        // Every ticket ever given out, so that stale ones are tried as well.
        let mut tickets: Vec<(Ticket, u64, u32)> = Vec::new();
        let mut published = 0;
        let mut now = Instant::now();
        for step in steps {
            match step {
                Step::Push => {
                    queue.push(Message { key: Some(published.to_string()), ..Message::default() }.into());
                    model.messages.insert(published, Place::Ready);
                    published += 1;
                }
                Step::Take => {
                    let taken = queue.take(now);
                    let seen = taken.as_ref().map(|taken| (number(&taken.message), taken.count));
                    prop_assert_eq!(seen, model.take(now));
                    tickets.extend(taken.map(|taken| (taken.ticket, number(&taken.message), taken.count)));
                }
                Step::Pass(seconds) => {
                    now += Duration::from_secs(seconds);
                    queue.reclaim(now, &mut afterwards);
                    model.reclaim(now);
                }
                Step::Ack(back) | Step::GiveBack(back) | Step::GiveBackLater(back, _) => {
                    let Some(&(ticket, number, count)) = tickets.iter().rev().nth(back) else { continue };
                    let in_flight = matches!(model.messages.get(&number), Some(Place::InFlight(_)));
                    let valid = in_flight && model.counts[&number] == count;
                    let entry = queue.settle(ticket);
                    prop_assert_eq!(entry.as_ref().map(|entry| entry.count), valid.then_some(count));
                    let Some(entry) = entry else { continue };
                    match step {
                        Step::GiveBack(_) => {
                            queue.give_back(entry, &mut afterwards);
                            model.give_back(number, Place::Ready);
                        }
                        Step::GiveBackLater(_, seconds) => {
                            let delay = Duration::from_secs(seconds);
                            queue.give_back_later(entry, now, delay, &mut afterwards);
                            let to = if seconds == 0 { Place::Ready } else { Place::Delayed(now + delay) };
                            model.give_back(number, to);
                        }
                        _ => {
                            model.messages.remove(&number);
                        }
                    }
                }
            }
            prop_assert_eq!(queue.len(), model.messages.len());
            prop_assert_eq!(queue.next_due(), model.next_due());
        }
        let mut dead: Vec<_> = afterwards.dead.iter().map(|(_, entry)| number(&entry.message)).collect();
        dead.sort_unstable();
        model.dead.sort_unstable();
        prop_assert_eq!(dead, model.dead);
    }
}
