//! What the API's description says of a proof of work, whose type is another crate's.

#![expect(dead_code, reason = "it describes; nothing is read into it")]

use utoipa::ToSchema;

/// A solved challenge of ALTCHA's second version.
#[derive(ToSchema)]
pub struct ProofOfWork {
    /// As `GET /api/v1/challenge` gave it.
    challenge: WorkChallenge,
    /// What was found.
    solution: WorkSolution,
}

/// Work to do for a payload.
#[derive(ToSchema)]
pub struct WorkChallenge {
    /// What it consists of.
    parameters: WorkParameters,
    /// The server's word for it, in hexadecimal.
    signature: String,
}

/// What the work consists of.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkParameters {
    /// How keys are derived.
    #[schema(example = "PBKDF2/SHA-256")]
    algorithm: String,
    /// Rounds of one derivation.
    cost: u32,
    /// What it is good for.
    data: WorkBinding,
    /// When it expires, in seconds since 1970 (UTC).
    expires_at: i64,
    /// Bytes of a derived key.
    key_length: u32,
    /// How the key that is looked for begins, in hexadecimal.
    key_prefix: String,
    /// The server's word for that key, in hexadecimal.
    key_signature: Option<String>,
    /// Random, in hexadecimal.
    nonce: String,
    /// Random, in hexadecimal.
    salt: String,
}

/// What a proof of work is good for.
#[derive(ToSchema)]
pub struct WorkBinding {
    /// SHA-256 of the payload, in hexadecimal.
    #[schema(example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    digest: String,
}

/// What was found.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkSolution {
    /// The number that leads to the key.
    counter: u32,
    /// The key, in hexadecimal.
    derived_key: String,
    /// Milliseconds that it took.
    time: Option<f64>,
}
