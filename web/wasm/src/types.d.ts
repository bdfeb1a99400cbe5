/** One question, under the names of `GET /api/v1/estimate`. What is left out takes its default. */
export interface Setup {
  /** Device: an id or any name; several unlike ones as a list. */
  hardware?: string | string[];
  /** How many of it, 1 to 16. */
  devices?: number;
  /** For figures of your own instead of `hardware`. */
  class?: "apple" | "discrete_gpu" | "unified" | "cpu" | "mobile";
  /** Memory bandwidth in GB/s, for figures of your own. */
  bandwidth_gb_s?: number;
  /** Memory in GiB: of your own device, or the size of one that is sold with several. */
  memory_gib?: number;
  /** How much of it a model may use, in GiB: Apple's wired limit, a carve-out. */
  usable_gib?: number;
  /** Dense f16 compute in TFLOPS, for figures of your own. */
  compute_f16_tflops?: number;
  /** RAM of the host in GiB. */
  host_ram_gib?: number;
  /** Bandwidth of the RAM in GB/s. */
  host_bandwidth_gb_s?: number;
  /** Power limit: a share of stock from 0.1 to 1, or watts such as `250W` where stock is known. */
  power?: number | string;
  /** How several devices share a model: `layers`, `tensor`, or shares such as `2:1`. */
  split?: string;
  /** Model: an id or any name. */
  model?: string;
  /** Quantisation: an id or any name; without it, the one that the site's list takes. */
  quant?: string;
  /** Tokens already in the cache while decoding; `32k` is 32,768. */
  context?: number | string;
  /** Tokens in the prompt; as many as `context` where not given. */
  prompt?: number | string;
  /** Leading tokens of the prompt that the cache already holds. */
  cached?: number | string;
  /** Cache type of keys, and of values where `kv_v` is not given. */
  kv?: string;
  /** Cache type of values. */
  kv_v?: string;
  /** Requests at once, 1 to 1,024. */
  streams?: number;
  /** llama.cpp, ollama, mlx, vllm, exllamav2 or exllamav3. */
  runtime?: string;
  /** cuda, rocm, vulkan, metal, sycl or cpu; the device's usual one where not given. */
  backend?: string;
  /** The job where its parts are not given. */
  use?: "chat" | "agent" | "batch";
  /** A decode speed in tokens a second, for the bandwidth that it needs. */
  target_tps?: number;
}

/** A figure with its uncertainty. */
export interface Range {
  low: number;
  mid: number;
  high: number;
}

/** The answer to one question: the object that `GET /api/v1/estimate` returns. */
export interface Answer {
  /** What was asked, as it was understood. */
  setup: Asked;
  /** Tokens a second while answering, each stream; null when it does not run. */
  decode_tps: Range | null;
  /** Tokens a second while answering, all streams together. */
  aggregate_tps: Range | null;
  /** Prompt tokens a second. */
  prefill_tps: Range | null;
  /** Milliseconds from the prompt to the first token. */
  ttft_ms: Range | null;
  /** Whether it runs: all on the device, partly in RAM, or not. */
  placement: "whole" | "offloaded" | "too_big";
  /** What lies in RAM, where something does. */
  spill?: Spill;
  /** Memory by part. */
  footprint_gib: FootprintGib;
  /** What a decode step's time mostly goes to. */
  bound_by: "bandwidth" | "kv_cache" | "overhead" | "compute" | "host_ram" | "link" | null;
  /** What to type to run it so, one argument each. */
  flags: string[];
  /** The same question the other way round. */
  inverse: Inverse;
  /** The smallest change that would make it run, where it does not. */
  remedy?: Remedy;
  /** What each figure rests on. */
  evidence: EvidenceByFigure;
  /** What to know before relying on the answer, in sentences. */
  notes?: string[];
  /** Facts that were recalled rather than read, in words. */
  unverified?: string[];
}

/** What was asked, as it was understood. */
export interface Asked {
  /** Device ids, one for each device; `own` for figures that were typed in. */
  hardware: string[];
  model: string;
  quant: string;
  /** Where another quantisation was asked for that the runtime does not load. */
  quant_asked?: string;
  context: number;
  prompt: number;
  cached: number;
  kv: string;
  kv_v: string;
  streams: number;
  runtime: string;
  backend: string;
  host_ram_gib: number;
  host_bandwidth_gb_s: number;
  /** Memory of the devices together, GiB. */
  memory_gib: number;
  /** Bandwidth of each device, GB/s. */
  bandwidth_gb_s: number[];
  power: number;
}

/** What lies in RAM. */
export type Spill =
  | { kind: "layers"; on_device: number; on_host: number }
  | { kind: "experts"; on_host: number; of: number };

/** Memory by part, GiB. */
export interface FootprintGib {
  weights: number;
  kv_cache: number;
  compute_buffer: number;
  runtime: number;
  /** All of the above. */
  total: number;
  /** What of it lies in RAM. */
  host: number;
  /** Memory that a model may use on the devices. */
  usable: number;
}

/** The same question the other way round. */
export interface Inverse {
  /** The longest context with which it lies whole on the devices. */
  longest_context: number | null;
  /** The most streams with which it does. */
  most_streams: number | null;
  /** The best quantisation that does (an id). */
  best_quant: string | null;
  /** Bandwidth in GB/s that each device would need for `target_tps`. */
  bandwidth_needed_gb_s: number | null;
  /** Why there is none, where no bandwidth is enough. */
  no_bandwidth: string | null;
  /** The decode speed that the two lines above are about, tokens a second. */
  target_tps: number;
}

/** The smallest change that would make it run. */
export type Remedy =
  | { change: "cache_type"; kv: string }
  | { change: "quant"; quant: string }
  | { change: "context"; context: number }
  | { change: "memory"; memory_gib: number };

/** What one figure rests on: so many measurements of this device, its generation or its class, or none. */
export interface Evidence {
  rows: number;
  scope: "device" | "generation" | "class" | "uncalibrated";
}

/** What each figure rests on; the last three only where the setup has them. */
export interface EvidenceByFigure {
  decode: Evidence;
  prefill: Evidence;
  runtime?: Evidence;
  streams?: Evidence;
  offload?: Evidence;
}

/** What is wrong with one parameter. */
export interface FieldError {
  field: string;
  /** What is wrong and what to do, in a sentence. */
  message: string;
  /** Values, or names of parameters, that may have been meant. */
  near: string[];
}

/** What `estimate` throws: the message holds every sentence, `errors` holds them by parameter. */
export interface SetupError extends Error {
  errors: FieldError[];
}
