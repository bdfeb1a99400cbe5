//! The pages of llm-speed: (view, query, messages) -> HTML, the same in server and browser.
