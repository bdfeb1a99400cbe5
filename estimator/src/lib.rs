//! How fast a language model runs on a machine: the physics, and nothing else.
