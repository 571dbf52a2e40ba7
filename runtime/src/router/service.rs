use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, Uri};
use tower_service::Service;

use super::params::refusal;
use super::tree::{Entry, Tree};
use super::{Handle, Params, RouterOptions, answer, path};

/// Everything that matching needs, shared by the services of one router.
pub(super) struct Gate {
    tree: Tree,
    options: RouterOptions,
}

impl Gate {
    pub(super) fn new(tree: Tree, options: RouterOptions) -> Self {
        Self { tree, options }
    }

    fn into_router(self: Arc<Self>) -> axum::Router {
        let gate = self;
        // A path that begins with `:` or `*` means itself here.
        let mut router = axum::Router::new().without_v07_checks();
        for (path, index) in gate.axum_routes() {
            router = router.route_service(&path, PathService { gate: Arc::clone(&gate), index });
        }
        router.fallback_service(Endpoints { gate })
    }

    /// The paths that axum matches, with their entries. None when it would not match as the tree does: then the
    /// fallback does it all.
    fn axum_routes(&self) -> BTreeMap<String, usize> {
        let mut routes = BTreeMap::new();
        if !self.tree.suits_axum() {
            return routes;
        }
        for (index, entry) in self.tree.entries.iter().enumerate() {
            let path = entry.pattern.axum();
            if let Some((parent, _)) = path.split_once("{*") {
                // matchit wants something after the slash.
                routes.entry(parent.to_owned()).or_insert(index);
            }
            let taken = routes.insert(path, index);
            debug_assert!(taken.is_none_or(|other| self.tree.entries[other].pattern.wildcard));
        }
        routes
    }

    /// Whether axum saw the path that the tree would see.
    fn is_plain(&self, path: &str) -> bool {
        memchr::memchr(b'%', path.as_bytes()).is_none()
            && !(self.options.remove_extra_slash && path::may_be_unclean(path))
    }

    /// Answers what axum did not match, or not as gin does.
    fn resolve(&self, request: Request<Body>) -> Answer {
        let method = request.method();
        if method == Method::OPTIONS && request.uri().path() == "*" {
            return Answer::ready(answer::nothing());
        }
        // `GET nope`: the name of a host is no target for it.
        if request.uri().path().is_empty() && method != Method::CONNECT {
            return Answer::ready(answer::bad_path());
        }
        let Some(decoded) = path::decode(request.uri().path()) else { return Answer::ready(answer::bad_path()) };
        let utf8 = std::str::from_utf8(&decoded).is_ok();
        let decoded = String::from_utf8_lossy(&decoded);
        let matched = match self.options.remove_extra_slash {
            true => Cow::Owned(path::clean(&decoded)),
            false => decoded,
        };
        if let Some((entry, handler)) = self.find(method, &matched) {
            let ranges = entry.pattern.locate(&matched);
            let params = Params::of_decoded(matched.into_owned(), ranges);
            return match self.refusal(&params, utf8) {
                Some(why) => Answer::ready(answer::bad_parameter(why)),
                None => Answer::Handler(handler.call(request, params)),
            };
        }
        Answer::ready(self.unmatched(&request, &matched))
    }

    fn find(&self, method: &Method, path: &str) -> Option<(&Entry, &Arc<dyn Handle>)> {
        let entry = self.tree.find(method, path)?;
        Some((entry, entry.handler(method)?))
    }

    fn refusal(&self, params: &Params, utf8: bool) -> Option<String> {
        if !utf8 {
            return Some("error: encoded url params".to_owned());
        }
        if self.options.disable_path_decoding { None } else { refusal(params) }
    }

    /// A redirect, 405 or 404, in gin's order.
    fn unmatched(&self, request: &Request<Body>, path: &str) -> Response<Body> {
        let method = request.method();
        if method != Method::CONNECT
            && path != "/"
            && let Some(target) = self.meant(request, path)
            && target != request.uri().path()
        {
            return answer::redirect(method, &target, request.uri().query());
        }
        let allowed = match self.options.disable_handle_method_not_allowed {
            true => Vec::new(),
            false => self.tree.methods(path),
        };
        match allowed.is_empty() {
            true => answer::not_found(&self.options),
            false => answer::method_not_allowed(&self.options, &allowed),
        }
    }

    /// The path of an endpoint with this method that the client may have meant.
    fn meant(&self, request: &Request<Body>, path: &str) -> Option<String> {
        let method = request.method();
        if !self.options.disable_redirect_trailing_slash {
            let other = path::with_other_slash(path);
            if self.tree.find(method, &other).is_some() {
                let prefix = request.headers().get("x-forwarded-prefix").and_then(|value| value.to_str().ok());
                return Some(match prefix {
                    Some(prefix) if !prefix.is_empty() => path::clean(&(path::safe_prefix(prefix) + &other)),
                    _ => path::clean(&other),
                });
            }
        }
        if self.options.disable_redirect_fixed_path {
            return None;
        }
        let cleaned = path::clean(path);
        [path::with_other_slash(&cleaned), cleaned]
            .into_iter()
            .rev()
            .find_map(|path| Some(self.tree.find_folded(method, &path)?.pattern.correct(&path)))
            .map(|target| path::clean(&target))
    }
}

/// One path of the gateway, with all its methods, as axum mounts it. Cloning counts a reference.
#[derive(Clone)]
pub struct PathService {
    gate: Arc<Gate>,
    index: usize,
}

impl Service<Request<Body>> for PathService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        if self.gate.is_plain(request.uri().path())
            && let Some(entry) = self.gate.tree.entries.get(self.index)
            // matchit lets a wildcard take what an empty parameter should.
            && !entry.pattern.wildcard
            && let Some(handler) = entry.handler(request.method())
        {
            let params = plain_params(entry, request.uri());
            return Answer::Handler(handler.call(request, params));
        }
        self.gate.resolve(request)
    }
}

fn plain_params(entry: &Entry, uri: &Uri) -> Params {
    match uri.path_and_query() {
        Some(target) => Params::of_target(target, entry.pattern.locate(target.path())),
        None => Params::default(),
    }
}

/// All endpoints of a gateway as one service: what answers them without a router of axum around it, and what axum's
/// matching leaves over. Cloning counts a reference.
#[derive(Clone)]
pub struct Endpoints {
    gate: Arc<Gate>,
}

impl Endpoints {
    pub(super) fn new(gate: Gate) -> Self {
        Self { gate: Arc::new(gate) }
    }

    /// The same as an axum router. It has routes and a fallback: more can be added to it, or merged with it if they have
    /// no fallback.
    pub fn router(&self) -> axum::Router {
        Arc::clone(&self.gate).into_router()
    }
}

impl Service<Request<Body>> for Endpoints {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        if self.gate.is_plain(request.uri().path())
            && let Some((entry, handler)) = self.gate.find(request.method(), request.uri().path())
        {
            let params = plain_params(entry, request.uri());
            return Answer::Handler(handler.call(request, params));
        }
        self.gate.resolve(request)
    }
}

/// The answer of an endpoint, or of the router itself.
pub enum Answer {
    /// An endpoint is at work.
    Handler(BoxFuture<'static, Response<Body>>),
    /// The router has answered.
    Ready(std::future::Ready<Response<Body>>),
}

impl Answer {
    fn ready(response: Response<Body>) -> Self {
        Self::Ready(ready(response))
    }
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Handler(future) => future.as_mut().poll(context).map(Ok),
            Self::Ready(future) => Pin::new(future).poll(context).map(Ok),
        }
    }
}

impl Tree {
    /// Adds `OPTIONS` to every path: 200, with the methods that the path has so far.
    pub(super) fn add_options(&mut self, options: RouterOptions) {
        for entry in &mut self.entries {
            let mut methods: Vec<_> = entry.methods().collect();
            methods.sort_unstable_by_key(|method| method.as_str());
            let methods = answer::join(&methods);
            entry.add_options(Arc::new(move |_: Request<Body>, _: Params| -> BoxFuture<'static, Response<Body>> {
                Box::pin(ready(answer::allowed(&options, &methods)))
            }));
        }
    }
}

/// The health endpoint.
pub(super) fn health() -> Arc<dyn Handle> {
    Arc::new(|_: Request<Body>, _: Params| -> BoxFuture<'static, Response<Body>> {
        Box::pin(ready(answer::health(SystemTime::now())))
    })
}
