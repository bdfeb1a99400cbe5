//! llm-speed-server: the pages and the API.
