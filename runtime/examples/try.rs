//! try
use sluicegate_runtime::generated::*;
const _: () = generated_for("0.1.0");
static GATEWAY: Description = Description::new("gateway.json", "abc", &[&POST_ORDERS, &GET_NEXT, &GET_X, &GET_M]).server(Server::DEFAULT.port(9090));
static POST_ORDERS: Endpoint<Publish<mem::Broker>> = Endpoint::new(Post, "/orders", "gateway.json:9:5", Publish::new("mem://orders")).timeout(Duration::from_secs(3));
static GET_NEXT: Endpoint<Subscribe<mem::Broker>> = Endpoint::new(Get, "/next", "gateway.json:19:5", Subscribe::new("mem://orders").shape(&Shape::OBJECT.fields(Fields::Allow(&[Field::renamed("a", "b")]))));
static GET_X: Endpoint<Http> = Endpoint::new(Get, "/x/{id}", "gateway.json:19:5", Http::new(Get, &["http://127.0.0.1:9091"], &[Text("/y/"), Param(0)]).no_op()).no_op();
static GET_M: Endpoint<Merge> = Endpoint::new(Post, "/m", "gateway.json:19:5", Merge::new(&[&M1, &M2]));
static M1: Publish<mem::Broker> = Publish::new("mem://a");
static M2: Publish<mem::Broker> = Publish::new("mem://b");
fn main() -> std::process::ExitCode { sluicegate_runtime::main(&GATEWAY) }
