//! Which model a file is, as those say whose results count: kept as results come and go.

use sqlx::{Any, AnyConnection, Row, Transaction};

use super::StoreError;
use crate::gate::judge::known_as;

/// Models in their quantisations that a file is said to be, each with the number of machines that say so. Runs without a tag say nothing here, nor
/// do those that do not count for their address.
pub(super) async fn claims(
    connection: &mut AnyConnection,
    digest: &str,
) -> Result<Vec<(String, u32)>, StoreError> {
    let rows =
        sqlx::query("SELECT model, voters FROM file_claim WHERE digest = $1 AND voters > 0 ORDER BY model")
            .bind(digest)
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| Ok((row.try_get("model")?, row.try_get::<i64, _>("voters")? as u32))).collect()
}

/// Counts a result's machine anew among those who say what its file is.
pub(super) async fn recount(line: &mut Transaction<'static, Any>, run: &str) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT model_digest, model, quant, voter FROM run WHERE id = $1")
        .bind(run)
        .fetch_one(&mut **line)
        .await?;
    let [digest, row_id, quant, voter]: [String; 4] =
        [row.try_get("model_digest")?, row.try_get("model")?, row.try_get("quant")?, row.try_get("voter")?];
    let model = known_as(&row_id, &quant);
    if digest.is_empty() || voter == super::results::anonymous(run) {
        return Ok(());
    }
    let says = sqlx::query(
        "SELECT run.id FROM run JOIN standing ON standing.run = run.id
         WHERE run.voter = $1 AND run.model_digest = $2 AND run.model = $3 AND run.quant = $4
           AND standing.base IN ('accepted', 'reinstated')
           AND EXISTS (SELECT 1 FROM metric WHERE metric.run = run.id AND metric.counts = 1)
         LIMIT 1",
    )
    .bind(&voter)
    .bind(&digest)
    .bind(&row_id)
    .bind(&quant)
    .fetch_optional(&mut **line)
    .await?
    .is_some();
    let said = sqlx::query("SELECT voter FROM file_vote WHERE digest = $1 AND model = $2 AND voter = $3")
        .bind(&digest)
        .bind(&model)
        .bind(&voter)
        .fetch_optional(&mut **line)
        .await?
        .is_some();
    let (keep, by) = match (said, says) {
        (false, true) => ("INSERT INTO file_vote (digest, model, voter) VALUES ($1, $2, $3)", 1_i64),
        (true, false) => ("DELETE FROM file_vote WHERE digest = $1 AND model = $2 AND voter = $3", -1),
        _ => return Ok(()),
    };
    sqlx::query(keep).bind(&digest).bind(&model).bind(&voter).execute(&mut **line).await?;
    sqlx::query(
        "INSERT INTO file_claim (digest, model, voters) VALUES ($1, $2, $3)
         ON CONFLICT (digest, model) DO UPDATE SET voters = file_claim.voters + $3",
    )
    .bind(&digest)
    .bind(&model)
    .bind(by)
    .execute(&mut **line)
    .await?;
    Ok(())
}
