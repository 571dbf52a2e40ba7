//! How fast JSON is shaped, in MB of input a second on one core, against `serde_json::Value` doing the same.
//!
//! `cargo run --release -p sluicegate-runtime --no-default-features --example shape_speed [ROW]`

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::Value;
use sluicegate_runtime::shape::{Field, Fields, Shape, validate};

static FILTER: Shape = Shape::OBJECT.fields(Fields::Allow(&[
    Field::keep("id"),
    Field::renamed("login", "name"),
    Field::inside("address", Fields::Allow(&[Field::keep("city")])),
]));

static DENY: Shape = Shape::OBJECT.fields(Fields::AllExcept(&[
    Field::drop("email"),
    Field::inside("address", Fields::AllExcept(&[Field::drop("zip")])),
]));

fn main() {
    println!("{:<22}{:>10}{:>10}{:>10}", "MB/s", "1 KiB", "10 KiB", "1 MB");
    let bodies = [1 << 10, 10 << 10, 1_000_000].map(body);
    let pretty = bodies.each_ref().map(|body| {
        let value: Value = serde_json::from_slice(body).expect("the body is JSON");
        serde_json::to_vec_pretty(&value).expect("it can be written")
    });
    let mut output = Vec::new();
    row("filter", &bodies, |body| shape(&FILTER, body, &mut output));
    row("filter, indented", &pretty, |body| shape(&FILTER, body, &mut output));
    row("deny", &bodies, |body| shape(&DENY, body, &mut output));
    let mut roots = Vec::new();
    row("deny, roots recorded", &bodies, |body| {
        output.clear();
        black_box(DENY.apply_fields(black_box(body), &mut output, &mut roots)).expect("it is an object");
    });
    row("plain", &bodies, |body| shape(&Shape::OBJECT, body, &mut output));
    row("plain, indented", &pretty, |body| shape(&Shape::OBJECT, body, &mut output));
    row("validate", &bodies, |body| {
        black_box(validate(black_box(body))).expect("it is JSON");
    });
    row("Value, filter", &bodies, |body| {
        black_box(filter_value(black_box(body)));
    });
    row("Value, plain", &bodies, |body| {
        let value: Value = serde_json::from_slice(black_box(body)).expect("it is JSON");
        black_box(serde_json::to_vec(&value).expect("it can be written"));
    });
}

fn shape(shape: &Shape, body: &[u8], output: &mut Vec<u8>) {
    output.clear();
    black_box(shape.apply(black_box(body), output)).expect("it is an object");
    black_box(output);
}

fn filter_value(body: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(body).expect("it is JSON");
    let root = value.as_object_mut().expect("it is an object");
    root.retain(|key, _| matches!(key.as_str(), "id" | "login" | "address"));
    if let Some(address) = root.get_mut("address").and_then(Value::as_object_mut) {
        address.retain(|key, _| key == "city");
    }
    if let Some(login) = root.shift_remove("login") {
        root.insert("name".into(), login);
    }
    serde_json::to_vec(&value).expect("it can be written")
}

/// A user with an address and as many orders as make about `size` bytes.
fn body(size: usize) -> Vec<u8> {
    let mut body = String::from(
        r#"{"id":48213,"login":"ada.lovelace","email":"ada@example.com","active":true,"manager":null,"score":98.125,"address":{"street":"Via Garibaldi 12","city":"Turin","zip":"10121","geo":{"lat":45.0703,"lon":7.6869}},"orders":["#,
    );
    let mut order = 0;
    while body.len() < size - 150 {
        if order > 0 {
            body.push(',');
        }
        body += &format!(
            r#"{{"order_id":{},"created_at":"2026-03-{:02}T10:15:30Z","status":"{}","total":{}.{:02},"note":"Leave it with the neighbour in flat {}, please.","lines":[{{"sku":"A-{}","quantity":{}}},{{"sku":"B-{}","quantity":1}}],"paid":{}}}"#,
            700_000 + order,
            order % 28 + 1,
            ["open", "shipped", "delivered"][order % 3],
            order % 300,
            order % 100,
            order % 41,
            1_000 + order % 89,
            order % 7,
            2_000 + order % 97,
            order % 2 == 0,
        );
        order += 1;
    }
    body += r#"],"links":{"self":"https://api.example.com/users/48213"}}"#;
    body.into_bytes()
}

fn row(name: &str, bodies: &[Vec<u8>; 3], mut run: impl FnMut(&[u8])) {
    if std::env::args().nth(1).is_some_and(|wanted| wanted != name) {
        return;
    }
    let [a, b, c] = bodies.each_ref().map(|body| speed(body, &mut run));
    println!("{name:<22}{a:>10.0}{b:>10.0}{c:>10.0}");
}

/// The best of thirty rounds, which is the one least disturbed by other programs.
fn speed(body: &[u8], mut run: impl FnMut(&[u8])) -> f64 {
    let round = (2_000_000 / body.len()).max(1);
    let best = (0..30)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..round {
                run(body);
            }
            start.elapsed()
        })
        .min()
        .unwrap_or(Duration::MAX);
    (body.len() * round) as f64 / best.as_secs_f64() / 1e6
}
