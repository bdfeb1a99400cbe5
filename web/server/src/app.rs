//! The server as one value, and the way of a request through it.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data::{Catalog, Engine};
use page::Site;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::args::Args;
use crate::assets::{self, Files, PackageError};
use crate::headers::{self, Policies};
use crate::identity::Identity;
use crate::limits::{self, Limits, Places};
use crate::metrics::Requests;
use crate::pictures::Pictures;
use crate::problem::{Kind, Problem};
use crate::shelf::Shelf;
use crate::store::{Store, StoreError};
use crate::submit::Submissions;
use crate::update::{self, UpdateError, Updates};
use crate::{api, benchmarks, board, deliver, dump, health, log, medians, pages};

/// What every handler can reach. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    parts: Arc<Parts>,
}

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The WASM package; empty where there is none.
    pub package: Files,
    /// What pages may do.
    pub policies: Policies,
    /// The files in this binary.
    pub assets: Files,
    /// What answers are made with: catalogue, rules, fitted constants.
    pub engine: Engine<'static>,
    /// What every page needs to know of its site.
    pub site: Site,
    /// Answers that are the same for everybody.
    pub shelf: Shelf,
    /// The way in for submissions.
    pub submissions: Submissions,
    /// What people measured.
    pub medians: medians::Kept,
    /// The table of runs.
    pub benchmarks: benchmarks::Kept,
    /// Leaderboards.
    pub boards: board::Kept,
    /// Places for those who read a dump.
    pub dumps: dump::Places,
    /// Pictures that were drawn.
    pub pictures: Pictures,
    /// Who has a profile.
    pub contributors: pages::profile::Kept,
    /// Where people sign in; none where nobody can.
    pub identity: Option<Identity>,
    /// What probes update themselves with; none where nothing is published.
    pub updates: Option<Updates>,
    /// Requests so far.
    pub requests: Requests,
}

/// Why a server could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The WASM package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// What probes update themselves with.
    #[error(transparent)]
    Updates(#[from] UpdateError),
}

impl App {
    /// Opens what the command line names.
    pub async fn open(args: &Args) -> Result<Self, OpenError> {
        let package = match &args.wasm_dir {
            Some(dir) => Files::package(dir)?,
            None => Files::default(),
        };
        let (engine, assets) = (Engine::embedded(), Files::embedded());
        let store = Store::of(args).await?;
        Ok(App::new(Parts {
            site: pages::site(engine.catalog, &assets, args.public_url.as_ref()),
            submissions: Submissions::open(&store, args).await?,
            store,
            package,
            policies: Policies::new(&args.connect_src),
            assets,
            engine,
            shelf: Shelf::default(),
            medians: medians::Kept::default(),
            benchmarks: benchmarks::Kept::new(engine),
            boards: board::Kept::default(),
            dumps: dump::Places::default(),
            pictures: Pictures::default(),
            contributors: pages::profile::Kept::new(Vec::new()),
            identity: Identity::of(args),
            updates: args.update_dir.clone().map(Updates::open).transpose()?,
            requests: Requests::default(),
        }))
    }

    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        App { parts: Arc::new(parts) }
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// The files in this binary.
    pub fn assets(&self) -> &Files {
        &self.parts.assets
    }

    /// The WASM package; empty where there is none.
    pub fn package(&self) -> &Files {
        &self.parts.package
    }

    /// What is known of devices, models and quantisations.
    pub fn catalog(&self) -> &'static Catalog {
        self.parts.engine.catalog
    }

    /// What answers are made with.
    pub fn engine(&self) -> &Engine<'static> {
        &self.parts.engine
    }

    /// What every page needs to know of its site.
    pub fn site(&self) -> &Site {
        &self.parts.site
    }

    /// Answers that are the same for everybody.
    pub fn shelf(&self) -> &Shelf {
        &self.parts.shelf
    }

    /// The way in for submissions.
    pub fn submissions(&self) -> &Submissions {
        &self.parts.submissions
    }

    /// What people measured.
    pub fn medians(&self) -> &medians::Kept {
        &self.parts.medians
    }

    /// The table of runs.
    pub fn benchmarks(&self) -> &benchmarks::Kept {
        &self.parts.benchmarks
    }

    /// Something was sent or said: what is shown of many results is looked after at the next request.
    pub fn touch(&self) {
        self.medians().touch();
        self.benchmarks().touch();
        self.contributors().touch();
    }

    /// Leaderboards.
    pub fn boards(&self) -> &board::Kept {
        &self.parts.boards
    }

    /// Places for those who read a dump.
    pub fn dumps(&self) -> &dump::Places {
        &self.parts.dumps
    }

    /// Pictures that were drawn.
    pub fn pictures(&self) -> &Pictures {
        &self.parts.pictures
    }

    /// Who has a profile.
    pub fn contributors(&self) -> &pages::profile::Kept {
        &self.parts.contributors
    }

    /// Where people sign in; none where nobody can.
    pub fn identity(&self) -> Option<&Identity> {
        self.parts.identity.as_ref()
    }

    /// What probes update themselves with; none where nothing is published.
    pub fn updates(&self) -> Option<&Updates> {
        self.parts.updates.as_ref()
    }

    /// Requests so far.
    pub fn requests(&self) -> &Requests {
        &self.parts.requests
    }

    /// What pages may do.
    pub fn policies(&self) -> &Policies {
        &self.parts.policies
    }
}

/// Every address of the site, under every rule.
pub fn router(app: &App, limits: Limits) -> Router {
    let routes = Router::new()
        .merge(pages::routes())
        .merge(api::routes())
        .route("/assets/{name}", get(assets::asset))
        .route("/wasm/{name}", get(assets::package))
        .route("/dump/{name}", get(dump::file))
        .route("/update/{*path}", get(update::file))
        .route("/problems/{slug}", get(health::problem))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz));
    under_rules(routes, app, limits)
}

/// Puts the rules around routes, inmost first: what is below may fail in any way, and what is above turns that into an answer.
pub fn under_rules(routes: Router<App>, app: &App, limits: Limits) -> Router {
    routes
        .fallback(async || Problem::not_found())
        .with_state(app.clone())
        .layer(from_fn_with_state(limits, limits::body))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.handling))
        .layer(from_fn_with_state(limits, limits::url))
        .layer(from_fn_with_state(Arc::new(Places::of(limits)), limits::in_flight))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn_with_state(app.clone(), deliver::deliver))
        .layer(from_fn_with_state(app.clone(), headers::guard))
        .layer(from_fn_with_state(app.clone(), log::requests))
}

/// A handler panicked: the log gets the cause, the client a sentence.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
fn after_panic(payload: Box<dyn Any + Send>) -> Response {
    let said = payload.downcast_ref::<String>().map(String::as_str);
    let cause = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
    tracing::error!(cause, "a handler panicked");
    Problem::new(Kind::Internal, Kind::Internal.explanation()).into_response()
}
