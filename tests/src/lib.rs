//! What several of the cross-house tests share.
