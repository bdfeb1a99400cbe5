//! The runtimes that we know, in the order in which `bench` tries them.

mod anthropic;
mod exllama;
mod hosted;
mod llama_cpp;
mod mlx;
mod ollama;
mod openai;
mod vllm;

use crate::driver::Driver;

/// Every driver. Adding one is a file and a line.
pub const DRIVERS: &[&dyn Driver] = &[
    &llama_cpp::LlamaCpp,
    &ollama::Ollama,
    &vllm::Vllm,
    &mlx::Mlx,
    &exllama::Exllama,
    &openai::OpenAi,
    &hosted::OPENROUTER,
    &hosted::TOGETHER,
    &hosted::FIREWORKS,
    &hosted::GROQ,
    &hosted::OPENAI,
    &anthropic::Anthropic,
];

/// The driver with this name.
pub fn by_name(name: &str) -> Option<&'static dyn Driver> {
    DRIVERS.iter().copied().find(|driver| driver.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_say_that_they_are() {
        let hosted: Vec<&str> =
            DRIVERS.iter().filter(|driver| driver.is_hosted()).map(|driver| driver.name()).collect();
        assert_eq!(hosted, ["openrouter", "together", "fireworks", "groq", "openai", "anthropic"]);
    }
}
