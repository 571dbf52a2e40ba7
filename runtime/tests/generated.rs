//! Every golden of the generator: compiled, linted like code that a person wrote, and opened as a gateway.

use std::collections::BTreeSet;
use std::fs;

use axum::body::Body;
use http::{Request, Response};
use sluicegate_runtime::Gateway;
use sluicegate_runtime::description::Description;
use tower_service::Service;

/// A module for each golden, and how many endpoints its config has.
macro_rules! goldens {
    ($($name:ident: $endpoints:literal, $path:literal;)*) => {
        $(
            #[path = $path]
            mod $name;
        )*

        const GOLDENS: &[(&str, &Description, usize)] = &[$((stringify!($name), &$name::GATEWAY, $endpoints),)*];
    };
}

goldens! {
    allow_deny_mapping_group_target: 3, "../../codegen/tests/golden/allow_deny_mapping_group_target/gateway.rs";
    backend_lists: 1, "../../codegen/tests/golden/backend_lists/gateway.rs";
    body_limits: 2, "../../codegen/tests/golden/body_limits/gateway.rs";
    client_options: 1, "../../codegen/tests/golden/client_options/gateway.rs";
    client_tls: 1, "../../codegen/tests/golden/client_tls/gateway.rs";
    collection: 2, "../../codegen/tests/golden/collection/gateway.rs";
    concurrent_calls: 2, "../../codegen/tests/golden/concurrent_calls/gateway.rs";
    declarations: 2, "../../codegen/tests/golden/declarations/gateway.rs";
    default: 2, "../../codegen/tests/golden/default/gateway.rs";
    encodings: 7, "../../codegen/tests/golden/encodings/gateway.rs";
    flatmap_filter: 2, "../../codegen/tests/golden/flatmap_filter/gateway.rs";
    graphql: 3, "../../codegen/tests/golden/graphql/gateway.rs";
    header_and_query_lists: 2, "../../codegen/tests/golden/header_and_query_lists/gateway.rs";
    http_backend: 3, "../../codegen/tests/golden/http_backend/gateway.rs";
    json_schema: 2, "../../codegen/tests/golden/json_schema/gateway.rs";
    logging: 1, "../../codegen/tests/golden/logging/gateway.rs";
    merge_of_http: 1, "../../codegen/tests/golden/merge_of_http/gateway.rs";
    merge_of_publishers: 1, "../../codegen/tests/golden/merge_of_publishers/gateway.rs";
    named_brokers: 3, "../../codegen/tests/golden/named_brokers/gateway.rs";
    names_that_collide: 10, "../../codegen/tests/golden/names_that_collide/gateway.rs";
    no_op_pass_through: 2, "../../codegen/tests/golden/no_op_pass_through/gateway.rs";
    non_ascii: 3, "../../codegen/tests/golden/non_ascii/gateway.rs";
    path_parameters_and_query: 1, "../../codegen/tests/golden/path_parameters_and_query/gateway.rs";
    publisher: 1, "../../codegen/tests/golden/publisher/gateway.rs";
    publisher_options: 2, "../../codegen/tests/golden/publisher_options/gateway.rs";
    rate_limit: 4, "../../codegen/tests/golden/rate_limit/gateway.rs";
    return_error_code_and_details: 2, "../../codegen/tests/golden/return_error_code_and_details/gateway.rs";
    router_options: 1, "../../codegen/tests/golden/router_options/gateway.rs";
    router_proxies: 1, "../../codegen/tests/golden/router_proxies/gateway.rs";
    sequential: 3, "../../codegen/tests/golden/sequential/gateway.rs";
    server_and_tls: 1, "../../codegen/tests/golden/server_and_tls/gateway.rs";
    service_discovery: 2, "../../codegen/tests/golden/service_discovery/gateway.rs";
    several_methods_on_one_path: 4, "../../codegen/tests/golden/several_methods_on_one_path/gateway.rs";
    shadow: 3, "../../codegen/tests/golden/shadow/gateway.rs";
    static_response: 2, "../../codegen/tests/golden/static_response/gateway.rs";
    subscriber_options: 1, "../../codegen/tests/golden/subscriber_options/gateway.rs";
    subscriber_with_shape: 1, "../../codegen/tests/golden/subscriber_with_shape/gateway.rs";
}

#[test]
fn no_golden_is_left_out() {
    let entries = fs::read_dir("../codegen/tests/golden").expect("the folder of the goldens");
    let folder: BTreeSet<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in ASCII")).collect();
    let modules: BTreeSet<_> = GOLDENS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(modules, folder);
}

#[tokio::test]
async fn each_golden_opens() {
    for (name, description, endpoints) in GOLDENS {
        assert_eq!(description.endpoints().len(), *endpoints, "{name}");
        let gateway = match Gateway::open(description) {
            Ok(gateway) => gateway,
            // Its files lie where the config is, and are read at once.
            Err(error) if *name == "client_tls" && error.to_string().contains("cert.pem: ") => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        let ready = ask(&gateway, "GET", "/__ready").await;
        assert!(ready.status() == 200 || ready.status() == 503, "{name}: {}", ready.status());
    }
}

/// What the generator accepts is what the router serves: a parameter of one method beside the rest of another.
#[tokio::test]
async fn methods_share_a_place() {
    let gateway = Gateway::open(&several_methods_on_one_path::GATEWAY).expect("it opens");
    for (path, methods) in
        [("/users/7", "GET, POST, PUT"), ("/users/me", "DELETE, GET, POST, PUT"), ("/users/7/8", "POST")]
    {
        let answer = ask(&gateway, "PATCH", path).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &methods.parse().unwrap()), "{path}");
    }
}

async fn ask(gateway: &Gateway, method: &str, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
    let Ok(response) = gateway.router().call(request).await;
    response
}
