use std::fmt::Write;
use std::time::Duration;

use crate::rounds::{MemoryUse, Pair, RouteResult, Sample};

/// Above this part of the core, caches and clocks are as much the others' as the server's.
const NOISY: f64 = 0.05;

/// Gateway to reference, in CPU per request.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ratio {
    median: f64,
    min: f64,
    max: f64,
    /// Of the best round of each.
    best: f64,
}

/// What a person reads.
pub(crate) fn table(results: &[RouteResult]) -> String {
    let mut text = String::from(
        "\n                       CPU us/request                                   p99 ms            requests/s\n\
         route              reference  gateway  ratio (min..max)  best     reference gateway   reference gateway\n",
    );
    for result in results {
        let ratio = ratio(&result.rounds);
        let [cpu, p99, rate]: [fn(&Sample) -> f64; 3] =
            [|s| s.cpu_micros, |s| milliseconds(s.p99), |s| s.requests_per_second];
        let [[cpu_0, cpu_1], [p99_0, p99_1], [rate_0, rate_1]] = [cpu, p99, rate].map(|f| medians(&result.rounds, f));
        let range = format!("{:.3} ({:.3}..{:.3}) {:.3}", ratio.median, ratio.min, ratio.max, ratio.best);
        let route = result.route;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{route:<17} {cpu_0:>10.3} {cpu_1:>8.3}  {range:<26} {p99_0:>9.2} {p99_1:>7.2} {rate_0:>11.0} {rate_1:>7.0}"
        );
    }
    text += "\n                       memory of the reference, MiB          memory of the gateway, MiB\n\
             route                 rest    after     peak                rest    after     peak\n";
    for result in results {
        let _ = write!(text, "{:<17}", result.route);
        for (MemoryUse { rest, after, peak }, indent) in result.memory.into_iter().zip(["", "           "]) {
            let [rest, after, peak] = [rest, after, peak].map(|kib| kib as f64 / 1024.0);
            let _ = write!(text, "{indent} {rest:>8.1} {after:>8.1} {peak:>8.1}");
        }
        text.push('\n');
    }
    let samples: Vec<_> = results.iter().flat_map(|result| result.rounds.iter().flatten()).collect();
    let percent = |value: f64| value * 100.0;
    let typical = percent(median(samples.iter().map(|sample| sample.disturbance).collect()));
    let worst = percent(samples.iter().map(|sample| sample.disturbance).fold(0.0, f64::max));
    let _ = writeln!(text, "\nother programs had {typical:.1} % of the server's core (worst round: {worst:.1} %)");
    if typical > percent(NOISY) {
        text += "that is too much for a verdict: repeat on a quiet machine, or with more and shorter rounds\n";
    }
    text
}

/// A line for each route whose ratio is above `max_ratio`.
pub(crate) fn over(results: &[RouteResult], max_ratio: f64) -> Vec<String> {
    let over = results.iter().filter(|result| ratio(&result.rounds).median > max_ratio);
    over.map(|result| {
        let median = ratio(&result.rounds).median;
        format!("{}: the gateway takes {median:.3} times the CPU of the reference, more than {max_ratio}", result.route)
    })
    .collect()
}

/// Round by round, so that what slowed a whole round down cancels out.
fn ratio(rounds: &[Pair<Sample>]) -> Ratio {
    let best = [0, 1].map(|index| rounds.iter().map(|pair| pair[index].cpu_micros).fold(f64::INFINITY, f64::min));
    let ratios: Vec<_> = rounds.iter().map(|[reference, gateway]| gateway.cpu_micros / reference.cpu_micros).collect();
    Ratio {
        median: median(ratios.clone()),
        min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
        max: ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        best: best[1] / best[0],
    }
}

fn medians(rounds: &[Pair<Sample>], value: impl Fn(&Sample) -> f64) -> Pair<f64> {
    [0, 1].map(|index| median(rounds.iter().map(|pair| value(&pair[index])).collect()))
}

/// The middle value, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Route;

    fn rounds(pairs: &[(f64, f64)]) -> Vec<Pair<Sample>> {
        let sample = |cpu_micros| Sample { cpu_micros, ..Sample::default() };
        pairs.iter().map(|(reference, gateway)| [sample(*reference), sample(*gateway)]).collect()
    }

    #[test]
    fn takes_medians() {
        for (values, expected) in [(vec![3.0], 3.0), (vec![3.0, 1.0], 2.0), (vec![9.0, 1.0, 2.0], 2.0)] {
            assert_eq!(median(values), expected);
        }
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn compares_round_by_round() {
        let rounds = rounds(&[(10.0, 10.0), (20.0, 22.0), (10.0, 10.5)]);
        assert_eq!(ratio(&rounds), Ratio { median: 1.05, min: 1.0, max: 1.1, best: 1.0 });
        assert_eq!(medians(&rounds, |sample| sample.cpu_micros), [10.0, 10.5]);
    }

    #[test]
    fn names_the_routes_above_the_limit() {
        let result = |route, pairs| RouteResult { route, rounds: rounds(pairs), memory: Pair::default() };
        let results = [result(Route::Pass, &[(10.0, 10.5)]), result(Route::Consume, &[(10.0, 10.6)])];
        assert_eq!(
            over(&results, 1.05),
            ["consume: the gateway takes 1.060 times the CPU of the reference, more than 1.05"]
        );
        assert!(over(&results, 1.06).is_empty());
    }

    #[test]
    fn shows_a_line_for_each_route() {
        let memory = [MemoryUse { rest: 4096, after: 8192, peak: 9216 }; 2];
        let results = [RouteResult { route: Route::Filter, rounds: rounds(&[(20.0, 21.0)]), memory }];
        let table = table(&results);
        assert!(table.contains("20.000   21.000  1.050 (1.050..1.050) 1.050"), "{table}");
        assert!(table.contains("4.0      8.0      9.0"), "{table}");
    }
}
