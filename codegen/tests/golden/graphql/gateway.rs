// This file is @generated from gateway.json; edit that file instead.

use sluicegate_runtime::generated::*;

// Does not compile with another version of the runtime.
const _: () = generated_for("0.1.0");

/// The gateway of `gateway.json`, and the SHA-256 of that file.
pub(crate) static GATEWAY: Description = Description::new(
    "gateway.json",
    "e274d82ec2bc63e92f4bff65eb66cef1868adf76c0be4e5f850fe7399375a7ad",
    ROUTES,
);

/// Every endpoint, in the order of the file.
static ROUTES: &[&dyn AnyEndpoint] = &[&GET_USERS_ID, &POST_USERS, &GET_SCHEMA];

/// `GET /users/{id}`, gateway.json:7:5
///
/// Calls `POST http://graph:4000/graphql`.
static GET_USERS_ID: Endpoint<Http> = Endpoint::new(
    Get,
    "/users/{id}",
    "gateway.json:7:5",
    Http::new(Post, &["http://graph:4000"], &[Text("/graphql")]).graphql(&GET_USERS_ID_GRAPHQL),
);

/// The GraphQL operation of gateway.json:10:9
static GET_USERS_ID_GRAPHQL: GraphQl = GraphQl::query(
    "query User($id: ID!, $first: Int) { user(id: $id) { orders(first: $first) { id } } }",
)
.operation_name("User")
.variables(&[("id", Variable::PathParam(0)), ("first", Variable::Json(r"10"))]);

/// `POST /users`, gateway.json:26:5
///
/// Calls `POST http://graph:4000/graphql`.
static POST_USERS: Endpoint<Http> = Endpoint::new(
    Post,
    "/users",
    "gateway.json:26:5",
    Http::new(Post, &["http://graph:4000"], &[Text("/graphql")]).graphql(&POST_USERS_GRAPHQL),
);

/// The GraphQL operation of gateway.json:30:9
static POST_USERS_GRAPHQL: GraphQl = GraphQl::mutation(
    "mutation Add($name: String!, $role: Role) {\n  addUser(name: $name, role: $role) { id }\n}\n",
)
.variables(&[("role", Variable::Json(r#""guest""#))]);

/// `GET /schema`, gateway.json:44:5
///
/// Calls `GET http://graph:4000/graphql`.
static GET_SCHEMA: Endpoint<Http> = Endpoint::new(
    Get,
    "/schema",
    "gateway.json:44:5",
    Http::new(Get, &["http://graph:4000"], &[Text("/graphql")]).graphql(&GET_SCHEMA_GRAPHQL),
);

/// The GraphQL operation of gateway.json:47:9
static GET_SCHEMA_GRAPHQL: GraphQl = GraphQl::query("{ __schema { types { name } } }").get();
