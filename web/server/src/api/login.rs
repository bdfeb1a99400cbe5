//! Signing in and profiles. A probe speaks the device flow (RFC 8628) with this server, which speaks it with the identity
//! service: neither sees a password, and the probe gets a token that is good for this server alone.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use data::digest::{digest, hex};
use data::envelope::CLAIM_TYPE;
use data::submission::MachineClaim;
use page::messages::EN;

use super::disputes::{Signed, by_submitter};
use super::refuse_parameters;
use super::refused::{NoProfiles, NoToken, OtherKey, TooMany};
use super::submissions::{From, JsonBody, made};
use crate::app::App;
use crate::gate::{Because, Refusal, day};
use crate::identity::{GRANT_TYPE, Identity, IdentityError, Redeemed};
use crate::pages::profile;
use crate::problem::{Kind, Problem, ProblemBody};
use crate::query_string;
use crate::representation::{Caching, Representation};
use crate::store::{Contribution, Profile};
use crate::submit::{limited, now_ms, ours};

/// Questions that one address may ask, of each submission that it may make: a probe asks every five seconds.
const QUESTIONS_EACH: u32 = 20;
/// What our tokens begin with, so that one that leaked is known for what it is.
const TOKEN_PREFIX: &str = "lsp_";

/// What a person needs to sign in.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct InvitationBody {
    /// What to ask with.
    device_code: String,
    /// What to type.
    #[schema(example = "ABCD-1234")]
    user_code: String,
    /// Where.
    #[schema(example = "https://github.com/login/device")]
    verification_uri: String,
    /// Seconds until it is too late.
    expires_in: u64,
    /// Seconds to wait between two questions.
    interval: f64,
}

/// A token of this server, or why there is none yet.
#[derive(Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub struct TokenBody {
    /// The token; this server keeps its digest alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// `bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<String>,
    /// The profile's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// `authorization_pending`, `slow_down`, `access_denied`, `expired_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The new wait in seconds, where the service told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<f64>,
}

/// A profile and its figures.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ProfileBody {
    /// The name at the identity service.
    name: String,
    /// Its page.
    url: String,
    /// Day on which it was made.
    since: String,
    /// Cells in which its machines have a vote.
    setups: u64,
    /// Results that its machines sent.
    results: u64,
    /// Its machines.
    machines: u64,
    /// Ids of the newest results; of one profile only.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<Vec<String>>,
}

/// What was taken away.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Gone {
    /// The name that it had.
    name: String,
}

impl ProfileBody {
    fn of(of: &Contribution) -> Self {
        ProfileBody {
            name: of.profile.name.clone(),
            url: format!("/u/{}", of.profile.name),
            since: day::of_ms(of.profile.created_at_ms),
            setups: of.setups,
            results: of.results,
            machines: of.machines,
            newest: None,
        }
    }
}

/// The identity service, where one is named.
pub fn service(app: &App) -> Result<&Identity, Problem> {
    let none = || Problem::new(Kind::NotFound, EN.problem.no_sign_in);
    app.identity().ok_or_else(none)
}

fn away(error: &IdentityError) -> Problem {
    tracing::warn!(%error, "somebody could not sign in");
    let says = match error {
        IdentityError::Busy => EN.problem.sign_in_busy,
        _ => EN.problem.sign_in_away,
    };
    Problem::new(Kind::NotReady, says).retry_after_s(10)
}

/// The fields of a form, no more than are known.
fn fields<const N: usize>(form: &Bytes, names: [&str; N]) -> Result<[String; N], Problem> {
    let text = std::str::from_utf8(form).map_err(|_| Problem::new(Kind::Form, EN.problem.form_not_utf8))?;
    let mut values = [const { String::new() }; N];
    for (name, value) in query_string::pairs(text)? {
        if let Some(place) = names.iter().position(|known| *known == name) {
            values[place] = value;
        }
    }
    Ok(values)
}

/// Begins to sign in: a code to type at the identity service.
///
/// The form's `client_id` and `scope` may be left out and are not looked at: this server has its own.
#[utoipa::path(
    post,
    path = "/api/v1/login/device/code",
    operation_id = "login",
    tag = "profiles",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The code", body = InvitationBody),
        NoProfiles,
        TooMany,
        (status = 503, description = "The identity service is away", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn invite(State(app): State<App>, From(from): From) -> Result<Response, Problem> {
    let identity = service(&app)?;
    limited(&app, from, "login", QUESTIONS_EACH).await?;
    let invitation = identity.invite().await.map_err(|error| away(&error))?;
    Ok(made(
        StatusCode::OK,
        &InvitationBody {
            device_code: invitation.device_code,
            user_code: invitation.user_code,
            verification_uri: invitation.verification_uri,
            expires_in: invitation.expires_in,
            interval: invitation.interval,
        },
    ))
}

/// Asks whether the code was typed; then there is a token.
#[utoipa::path(
    post,
    path = "/api/v1/login/oauth/access_token",
    operation_id = "login_token",
    tag = "profiles",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`device_code` and `grant_type`"),
    responses(
        (status = 200, description = "A token, or why there is none yet", body = TokenBody),
        (status = 400, description = "Another grant", body = ProblemBody, content_type = "application/problem+json"),
        NoProfiles,
        TooMany,
        (status = 503, description = "The identity service is away", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn redeem(State(app): State<App>, From(from): From, form: Bytes) -> Result<Response, Problem> {
    let identity = service(&app)?;
    limited(&app, from, "login", QUESTIONS_EACH).await?;
    let [device_code, grant_type] = fields(&form, ["device_code", "grant_type"])?;
    if grant_type != GRANT_TYPE || device_code.is_empty() || device_code.len() > 512 {
        return Err(Problem::new(Kind::Form, EN.problem.device_code));
    }
    let token = match identity.redeem(&device_code).await.map_err(|error| away(&error))? {
        Redeemed::Token(token) => token,
        Redeemed::Not { error, interval } => {
            return Ok(made(
                StatusCode::OK,
                &TokenBody { error: Some(error), interval, ..TokenBody::default() },
            ));
        }
    };
    let person = identity.person(&token).await.map_err(|error| away(&error))?;
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| ours("no randomness"))?;
    let own = format!("{TOKEN_PREFIX}{}", hex(&secret));
    app.store().sign_in(&person.subject, &person.name, &digest(own.as_bytes()), now_ms()).await?;
    app.touch();
    let told = TokenBody {
        access_token: Some(own),
        token_type: Some("bearer".to_owned()),
        profile: Some(person.name),
        ..TokenBody::default()
    };
    Ok(made(StatusCode::OK, &told))
}

/// The profile that a request's token speaks for.
async fn signed_in(app: &App, headers: &HeaderMap) -> Result<Profile, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        given.and_then(|value| value.strip_prefix("Bearer ")).filter(|token| token.starts_with(TOKEN_PREFIX));
    // By its digest, so that the time which a look-up takes tells nothing about tokens.
    let found = match token {
        Some(token) => app.store().profile_of_token(&digest(token.as_bytes())).await?,
        None => None,
    };
    found.ok_or_else(|| {
        Problem::new(Kind::Signature, EN.problem.no_token).with_status(StatusCode::UNAUTHORIZED)
    })
}

/// Shows that a machine is one's own: a message about one of its results, signed with the key of that result.
#[utoipa::path(
    post,
    path = "/api/v1/profile/machines",
    operation_id = "claim_machine",
    tag = "profiles",
    request_body = data::submission::SignedRequest,
    responses(
        (status = 200, description = "Its runs are listed with the profile", body = ProfileBody),
        NoToken,
        OtherKey,
        (status = 404, description = "No such result, or nobody can sign in here", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The run was sent without a tag", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn claim(
    State(app): State<App>,
    From(from): From,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    service(&app)?;
    limited(&app, from, "claim", 1).await?;
    let profile = signed_in(&app, &headers).await?;
    let Signed { message: claim, stored, .. } =
        by_submitter(&app, &body, CLAIM_TYPE, |m: &MachineClaim| (&m.result, "", m.at_ms)).await?;
    if claim.profile != profile.name {
        let says = EN.problem.other_profile(&format!("{:?}", claim.profile));
        return Err(Refusal::new(Because::Signature, says).into());
    }
    if stored.run.is_anonymous() {
        let says = EN.problem.run_without_tag;
        return Err(Refusal::new(Because::Claim, says).into());
    }
    app.store().claim_machine(&profile.subject, &stored.run.voter, now_ms()).await?;
    app.touch();
    let found = app.store().contribution(&profile.name).await?.ok_or_else(Problem::not_found)?;
    Ok(made(StatusCode::OK, &ProfileBody::of(&found)))
}

/// Takes the profile away: its name, its tokens, and which machines belong to it. The results stay, without a name.
#[utoipa::path(
    delete,
    path = "/api/v1/profile",
    operation_id = "unlink",
    tag = "profiles",
    responses(
        (status = 200, description = "It is gone", body = Gone),
        NoToken,
    )
)]
pub async fn unlink(
    State(app): State<App>,
    From(from): From,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    limited(&app, from, "claim", 1).await?;
    let profile = signed_in(&app, &headers).await?;
    app.store().unlink(&profile.subject).await?;
    app.touch();
    Ok(made(StatusCode::OK, &Gone { name: profile.name }))
}

/// A profile.
#[utoipa::path(
    get,
    path = "/api/v1/profiles/{name}",
    operation_id = "profile",
    tag = "profiles",
    params(("name" = String, Path, description = "its name at the identity service", example = "octocat")),
    responses(
        (status = 200, description = "The profile", body = ProfileBody),
        (status = 404, description = "No such profile", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn one(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    refuse_parameters(query.as_deref())?;
    let (found, results) = profile::found(&app, &name).await?;
    let newest = results.into_iter().map(|result| result.id).collect();
    let body = ProfileBody { newest: Some(newest), ..ProfileBody::of(&found) };
    Ok(Representation::json(&body).caching(Caching::Revalidate))
}

/// Everybody who has a profile, by the setups in which they have a vote.
#[utoipa::path(
    get,
    path = "/api/v1/contributors",
    operation_id = "contributors",
    tag = "profiles",
    responses(
        (status = 200, description = "The board", body = [ProfileBody]),
        NoProfiles,
    )
)]
pub async fn board(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Representation, Problem> {
    refuse_parameters(query.as_deref())?;
    service(&app)?;
    let board = profile::board(&app).await;
    let rows: Vec<ProfileBody> = board.iter().map(ProfileBody::of).collect();
    Ok(Representation::json(&rows).caching(Caching::Revalidate))
}
