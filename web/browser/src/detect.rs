//! What the browser lets us know of the machine: enough to suggest one, never to decide.
//!
//! Names come from WebGPU's adapter (mostly empty, for privacy) and WebGL's renderer. Nothing is sent anywhere.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlCanvasElement, Navigator, WebGlRenderingContext, Window};

// web-sys keeps WebGPU behind an unstable flag for the whole build; these few lines are all that is needed of it.
#[wasm_bindgen]
extern "C" {
    type WithGpu;
    #[wasm_bindgen(method, getter)]
    fn gpu(this: &WithGpu) -> Option<Gpu>;

    type WithMemory;
    #[wasm_bindgen(method, getter, js_name = deviceMemory)]
    fn device_memory(this: &WithMemory) -> Option<f64>;

    type Gpu;
    #[wasm_bindgen(method, catch, js_name = requestAdapter)]
    fn request_adapter(this: &Gpu) -> Result<Promise, JsValue>;

    type Adapter;
    #[wasm_bindgen(method, getter)]
    fn info(this: &Adapter) -> Option<AdapterInfo>;

    type AdapterInfo;
    #[wasm_bindgen(method, getter)]
    fn description(this: &AdapterInfo) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn device(this: &AdapterInfo) -> Option<String>;
}

/// `UNMASKED_RENDERER_WEBGL` of the extension `WEBGL_debug_renderer_info`.
const UNMASKED_RENDERER: u32 = 0x9246;

/// Threads, and GiB of memory where the browser tells. Both are rounded on purpose (memory at most to 8), so they tell no
/// machine from another: they are shown beside the name, for a person to judge by.
pub fn threads_and_memory() -> Option<(u32, Option<f64>)> {
    let navigator = web_sys::window()?.navigator();
    let memory = navigator.unchecked_ref::<WithMemory>().device_memory();
    Some((navigator.hardware_concurrency() as u32, memory))
}

/// Names of the graphics device, the most telling first; they may name nothing that exists.
pub async fn names() -> Vec<String> {
    let Some(window) = web_sys::window() else { return Vec::new() };
    let mut names = adapter_names(&window.navigator()).await;
    names.extend(webgl_renderer(&window).as_deref().and_then(device_in).map(str::to_owned));
    names.retain(|name| !name.is_empty());
    names
}

/// What WebGPU calls the device; mostly nothing.
async fn adapter_names(navigator: &Navigator) -> Vec<String> {
    let Some(gpu) = navigator.unchecked_ref::<WithGpu>().gpu() else { return Vec::new() };
    let Ok(promise) = gpu.request_adapter() else { return Vec::new() };
    let Ok(adapter) = JsFuture::from(promise).await else { return Vec::new() };
    if adapter.is_null() || adapter.is_undefined() {
        return Vec::new();
    }
    let Some(info) = adapter.unchecked_ref::<Adapter>().info() else { return Vec::new() };
    [info.description(), info.device()].into_iter().flatten().collect()
}

/// What WebGL calls the renderer, on a canvas that is never shown.
fn webgl_renderer(window: &Window) -> Option<String> {
    let canvas = window.document()?.create_element("canvas").ok()?;
    let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
    let context: WebGlRenderingContext = canvas.get_context("webgl").ok()??.dyn_into().ok()?;
    context.get_extension("WEBGL_debug_renderer_info").ok()??;
    context.get_parameter(UNMASKED_RENDERER).ok()?.as_string()
}

/// The device's name in a renderer string, or nothing where software draws or the browser blurs the name on purpose.
fn device_in(renderer: &str) -> Option<&str> {
    const NO_DEVICE: [&str; 6] =
        ["swiftshader", "llvmpipe", "softpipe", "basic render", "or similar", "virtio"];
    let lower = renderer.to_ascii_lowercase();
    if NO_DEVICE.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let mut name = renderer.trim();
    // ANGLE (vendor, device and driver, version): the second part, and of it what stands before the driver.
    if let Some(inside) = name.strip_prefix("ANGLE (").and_then(|rest| rest.strip_suffix(')')) {
        name = inside.split_once(", ").map_or(inside, |(_, rest)| rest);
        name = name.split(", ").next().unwrap_or(name);
        name = name.strip_prefix("ANGLE Metal Renderer: ").unwrap_or(name);
        // Vulkan VERSION (VENDOR DEVICE (NUMBER))
        name = name
            .strip_prefix("Vulkan ")
            .and_then(|rest| rest.split_once(" ("))
            .map_or(name, |(_, device)| device);
    }
    // A bracket ends the name, unless it holds a trade mark.
    let end = name.match_indices(" (").find(|(at, _)| !name[*at..].starts_with(" (TM)")).map(|(at, _)| at);
    name = &name[..end.unwrap_or(name.len())];
    for end in ["/", " Direct3D", " OpenGL", " Metal", " Vulkan"] {
        name = name.split(end).next().unwrap_or(name);
    }
    let name = name.trim();
    (name.len() >= 4 && name != "Apple GPU").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_stands_in_the_renderer() {
        #[rustfmt::skip]
        let vectors = [
            ("ANGLE (NVIDIA, NVIDIA GeForce RTX 3090 (0x00002204) Direct3D11 vs_5_0 ps_5_0, D3D11)", Some("NVIDIA GeForce RTX 3090")),
            ("ANGLE (NVIDIA, NVIDIA GeForce RTX 4060 Laptop GPU (0x000028E0) Direct3D11 vs_5_0 ps_5_0, D3D11)", Some("NVIDIA GeForce RTX 4060 Laptop GPU")),
            ("ANGLE (NVIDIA Corporation, NVIDIA GeForce RTX 4090/PCIe/SSE2, OpenGL 4.5.0)", Some("NVIDIA GeForce RTX 4090")),
            ("ANGLE (Apple, ANGLE Metal Renderer: Apple M3 Pro, Unspecified Version)", Some("Apple M3 Pro")),
            ("ANGLE (AMD, AMD Radeon RX 7900 XTX (radeonsi navi31 LLVM 17.0.6), OpenGL 4.6)", Some("AMD Radeon RX 7900 XTX")),
            ("ANGLE (NVIDIA, Vulkan 1.3.0 (NVIDIA NVIDIA GeForce RTX 3090 (0x00002204)), NVIDIA)", Some("NVIDIA NVIDIA GeForce RTX 3090")),
            ("ANGLE (AMD, Vulkan 1.3.274 (AMD AMD Radeon RX 6800 XT (RADV NAVI21) (0x000073BF)), radv)", Some("AMD AMD Radeon RX 6800 XT")),
            ("ANGLE (Qualcomm, Adreno (TM) 740, OpenGL ES 3.2)", Some("Adreno (TM) 740")),
            ("Adreno (TM) 740", Some("Adreno (TM) 740")),
            ("Apple M1", Some("Apple M1")),
            ("Apple GPU", None),
            ("NVIDIA GeForce GTX 980, or similar", None),
            ("ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)", None),
            ("Google SwiftShader", None),
            ("Mesa llvmpipe (LLVM 15.0.6, 256 bits)", None),
            ("", None),
        ];
        for (renderer, name) in vectors {
            assert_eq!(device_in(renderer), name, "{renderer}");
        }
    }
}
