//! The transparency log in the database: its edge, its hashes, its proofs.

use std::collections::BTreeMap;
use std::ops::Range;

use data::digest::unhex32;
use data::merkle::{self, Edge, Hash, Place};
use sqlx::{Any, Row, Transaction};

use super::{Store, StoreError};

/// How far the log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The edge.
    pub edge: Edge,
    /// Rises with everything that changes what is shown.
    pub version: i64,
}

/// Takes the place at the head of the line: until this transaction ends nobody else writes. It changes nothing, so that a
/// submission that is refused makes nobody read anything anew: see [`touch`].
pub(super) async fn stand_in_line(line: &mut Transaction<'static, Any>) -> Result<Head, StoreError> {
    let row =
        sqlx::query("UPDATE log_head SET version = version WHERE one = 1 RETURNING size, peaks, version")
            .fetch_one(&mut **line)
            .await?;
    head(&row)
}

/// Something that is shown changes with this transaction: whoever keeps what was made of it makes it anew.
pub(super) async fn touch(line: &mut Transaction<'static, Any>) -> Result<(), StoreError> {
    sqlx::query("UPDATE log_head SET version = version + 1 WHERE one = 1").execute(&mut **line).await?;
    Ok(())
}

fn head(row: &sqlx::any::AnyRow) -> Result<Head, StoreError> {
    let (size, peaks): (i64, Vec<u8>) = (row.try_get("size")?, row.try_get("peaks")?);
    let size = u64::try_from(size).map_err(|_| StoreError::Broken("a log of negative size"))?;
    let (peaks, rest) = peaks.as_chunks::<32>();
    if !rest.is_empty() || peaks.len() != size.count_ones() as usize {
        return Err(StoreError::Broken("a log whose edge does not fit its size"));
    }
    Ok(Head { edge: Edge { size, peaks: peaks.to_vec() }, version: row.try_get("version")? })
}

/// How far the log is, as this connection or transaction sees it.
pub(super) async fn head_of(place: impl sqlx::Executor<'_, Database = Any>) -> Result<Head, StoreError> {
    head(&sqlx::query("SELECT size, peaks, version FROM log_head WHERE one = 1").fetch_one(place).await?)
}

/// Appends a payload's digest; returns its index.
pub(super) async fn append(
    line: &mut Transaction<'static, Any>,
    edge: &mut Edge,
    digest: &str,
) -> Result<u64, StoreError> {
    let digest = unhex32(digest).ok_or(StoreError::Broken("a digest that is none"))?;
    let index = edge.size;
    for (place, hash) in edge.append(merkle::leaf(&digest)) {
        sqlx::query("INSERT INTO log_node (level, position, hash) VALUES ($1, $2, $3)")
            .bind(i64::from(place.level))
            .bind(place.position as i64)
            .bind(&hash[..])
            .execute(&mut **line)
            .await?;
    }
    Ok(index)
}

/// Keeps the edge after what was appended, which is shown from now on.
pub(super) async fn keep_edge(line: &mut Transaction<'static, Any>, edge: &Edge) -> Result<(), StoreError> {
    sqlx::query("UPDATE log_head SET size = $1, peaks = $2, version = version + 1 WHERE one = 1")
        .bind(edge.size as i64)
        .bind(edge.peaks.concat())
        .execute(&mut **line)
        .await?;
    Ok(())
}

impl Store {
    /// How far the log is.
    pub async fn head(&self) -> Result<Head, StoreError> {
        head_of(&self.pool).await
    }

    /// The index of a payload in the log.
    pub async fn log_index(&self, digest: &str) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query("SELECT log_index FROM run WHERE digest = $1")
            .bind(digest)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| row.try_get::<i64, _>("log_index")).transpose()?.map(|index| index as u64))
    }

    /// Proof that the leaf at `index` is in the tree of this size; none where there is no such leaf, or not yet.
    pub async fn inclusion(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        match merkle::inclusion(index, size) {
            Some(ranges) if size <= self.head().await?.edge.size => self.hashes(&ranges).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Proof that the tree of size `to` continues that of size `from`; none where either is no size of this log.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        match merkle::consistency(from, to) {
            Some(ranges) if to <= self.head().await?.edge.size => self.hashes(&ranges).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn hashes(&self, ranges: &[Range<u64>]) -> Result<Vec<Hash>, StoreError> {
        let mut kept: BTreeMap<Place, Hash> = BTreeMap::new();
        for place in ranges.iter().flat_map(merkle::places) {
            let row = sqlx::query("SELECT hash FROM log_node WHERE level = $1 AND position = $2")
                .bind(i64::from(place.level))
                .bind(place.position as i64)
                .fetch_one(&self.pool)
                .await?;
            let hash: Vec<u8> = row.try_get("hash")?;
            let hash = hash.try_into().map_err(|_| StoreError::Broken("a hash of another length"))?;
            kept.insert(place, hash);
        }
        let hash = |range| merkle::hash_of(range, &kept).ok_or(StoreError::Broken("a log with a hole"));
        ranges.iter().map(hash).collect()
    }
}
