//! Proof of work: a challenge that is good for one payload, once, for twenty minutes. Nothing is kept of it until it is
//! spent: the challenge signs itself.

use std::collections::BTreeMap;

use altcha::{Challenge, CreateChallengeOptions, Payload, VerifySolutionOptions};
use page::messages::EN;

use super::fields::CLOCK_SKEW_MS;
use super::{Because, Refusal};

/// How long a challenge is good, in milliseconds.
pub const GOOD_FOR_MS: i64 = 20 * 60 * 1000;

/// Rounds of the key derivation that one try takes. Two hundred tries are a tenth of a second on a desktop core, about a
/// second on a phone.
const COST: u32 = 1000;
/// Doublings of the work at most.
const MOST_DOUBLINGS: u32 = 6;

/// The secrets of all challenges of a site.
#[derive(Clone)]
pub struct Secret {
    /// Signs challenges.
    pub challenge: String,
    /// Signs keys, so that checking a solution takes no derivation.
    pub key: String,
}

/// What must never be printed.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A challenge for the payload with this digest that takes so many tries. `chance` picks where between once and twice the work the answer lies;
/// each doubling doubles the work.
///
/// # Errors
/// When the system has no randomness.
pub fn challenge(
    secret: &Secret,
    digest: &str,
    now_ms: i64,
    tries: u32,
    doublings: u32,
    chance: u32,
) -> Result<Challenge, altcha::Error> {
    let tries = tries << doublings.min(MOST_DOUBLINGS);
    altcha::create_challenge(CreateChallengeOptions {
        algorithm: "PBKDF2/SHA-256".to_owned(),
        cost: COST,
        counter: Some(tries + chance % tries),
        // How many tries there are at least is no secret: it fills the bar of whoever waits.
        data: Some(BTreeMap::from([
            ("digest".to_owned(), digest.into()),
            ("tries".to_owned(), tries.into()),
        ])),
        expires_at: Some((now_ms + GOOD_FOR_MS) / 1000),
        hmac_signature_secret: Some(secret.challenge.clone()),
        hmac_key_signature_secret: Some(secret.key.clone()),
        ..CreateChallengeOptions::default()
    })
}

/// The nonce that is spent, and when it expires (milliseconds), of work that was done for this digest.
///
/// # Errors
/// What is wrong with it.
pub fn check(
    secret: &Secret,
    pow: Option<&Payload>,
    digest: &str,
    now_ms: i64,
) -> Result<(String, i64), Refusal> {
    let refused = |says: &str| Refusal::new(Because::Proof, says);
    let pow = pow.ok_or_else(|| refused(EN.gate.no_proof))?;
    let parameters = &pow.challenge.parameters;
    // Our own clock first: an old token is turned away before any arithmetic, and one without an end is none of ours.
    let expires_ms = parameters.expires_at.and_then(|seconds| seconds.checked_mul(1000)).unwrap_or(0);
    // The server that made it may be another than this one, with a clock that is ahead of ours.
    if expires_ms < now_ms || expires_ms > now_ms + GOOD_FOR_MS + CLOCK_SKEW_MS {
        return Err(refused(EN.gate.proof_expired));
    }
    let bound = parameters.data.as_ref().and_then(|data| data.get("digest")).and_then(|value| value.as_str());
    if bound != Some(digest) {
        return Err(refused(EN.gate.proof_of_other));
    }
    let mut options = VerifySolutionOptions::new(&pow.challenge, &pow.solution, secret.challenge.clone());
    options.hmac_key_signature_secret = Some(secret.key.clone());
    let verified = altcha::verify_solution(options).is_ok_and(|result| result.verified);
    // Without a key signature the crate would derive the key anew, at a cost that the sender chose.
    if !verified || parameters.key_signature.as_deref().is_none_or(str::is_empty) {
        return Err(refused(EN.gate.proof_wrong));
    }
    Ok((parameters.nonce.clone(), expires_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use altcha::{SolveChallengeOptions, solve_challenge};
    use std::time::{SystemTime, UNIX_EPOCH};

    /// The server's default.
    const TRIES: u32 = 200;

    fn now_ms() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
    }

    fn solved(secret: &Secret, digest: &str, at_ms: i64) -> Payload {
        let challenge = challenge(secret, digest, at_ms, TRIES, 0, 7).unwrap();
        let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
        assert!((TRIES..2 * TRIES).contains(&solution.counter));
        Payload { challenge, solution }
    }

    #[test]
    fn work_is_good_for_its_bytes_and_its_time() {
        let secret = Secret { challenge: "one".into(), key: "two".into() };
        let now = now_ms();
        let pow = solved(&secret, "aa", now);
        let (nonce, expires) = check(&secret, Some(&pow), "aa", now).unwrap();
        assert_eq!(nonce, pow.challenge.parameters.nonce);
        assert!(expires > now);
        let says =
            |pow: Option<&Payload>, digest: &str, at: i64| check(&secret, pow, digest, at).unwrap_err().says;
        assert!(says(None, "aa", now).contains("missing"));
        assert!(says(Some(&pow), "bb", now).contains("other bytes"));
        assert!(says(Some(&pow), "aa", now + GOOD_FOR_MS + 1000).contains("expired"));
        assert!(
            check(&secret, Some(&pow), "aa", now - CLOCK_SKEW_MS + 2000).is_ok(),
            "from a server ahead of us"
        );
        assert!(says(Some(&pow), "aa", now - CLOCK_SKEW_MS - 2000).contains("expired"), "from the future");

        let mut endless = pow.clone();
        endless.challenge.parameters.expires_at = None;
        assert!(says(Some(&endless), "aa", now).contains("expired"));
        let mut longer = pow.clone();
        longer.challenge.parameters.expires_at = longer.challenge.parameters.expires_at.map(|at| at - 5);
        assert!(says(Some(&longer), "aa", now).contains("wrong"));
        let mut easier = pow.clone();
        easier.challenge.parameters.key_signature = None;
        assert!(says(Some(&easier), "aa", now).contains("wrong"));
        let mut guessed = pow.clone();
        guessed.solution.derived_key = "00".repeat(32);
        assert!(says(Some(&guessed), "aa", now).contains("wrong"));
        let other = Secret { challenge: "three".into(), key: "two".into() };
        assert!(check(&other, Some(&pow), "aa", now).is_err());
    }

    #[test]
    fn work_doubles_and_ends() {
        let secret = Secret { challenge: "one".into(), key: "two".into() };
        let least = |tries: u32, doublings: u32| -> u64 {
            let made = challenge(&secret, "aa", 0, tries, doublings, u32::MAX).unwrap();
            made.parameters.data.expect("data")["tries"].as_u64().expect("a number")
        };
        for doublings in 0..=MOST_DOUBLINGS {
            assert_eq!(least(200, doublings), 200 << doublings);
        }
        assert_eq!(least(200, MOST_DOUBLINGS + 1), 200 << MOST_DOUBLINGS, "it ends");
        // More doublings than there are must not overflow, whatever the operator asks for.
        assert_eq!(least(100_000, 99), 100_000 << MOST_DOUBLINGS);
        // Whoever does the work needs at least so many tries, and no more than twice as many.
        for (doublings, chance) in [(0, 0), (0, 19), (1, 0), (1, 39), (2, 7)] {
            let made = challenge(&secret, "aa", now_ms(), 20, doublings, chance).unwrap();
            let options = SolveChallengeOptions::new(&made);
            let solution = solve_challenge(options).unwrap().expect("solved");
            assert_eq!(solution.counter, (20 << doublings) + chance, "{doublings}, {chance}");
        }
    }
}
