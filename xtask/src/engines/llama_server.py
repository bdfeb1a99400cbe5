"""llama.cpp's own HTTP server, out of the xllamacpp wheel, under the options that llama-server has.

Only what the tests of this project type. The wheel logs to standard error as llama-server does.
"""

import argparse
import os
import signal
import sys
from importlib import metadata

import xllamacpp

# option, where it lies in the wheel's parameters, what it is read as
OPTIONS = [
    ("-c", "--ctx-size", "n_ctx", int),
    ("-np", "--parallel", "n_parallel", int),
    ("-b", "--batch-size", "n_batch", int),
    ("-ub", "--ubatch-size", "n_ubatch", int),
    ("-ngl", "--n-gpu-layers", "n_gpu_layers", int),
    ("-lv", "--verbosity", "verbosity", int),
    ("--port", "--port", "port", int),
]

CACHE_TYPES = {
    name.removeprefix("GGML_TYPE_").lower(): value
    for name, value in vars(xllamacpp.ggml_type).items()
    if name.startswith("GGML_TYPE_") and name != "GGML_TYPE_COUNT"
}


def parameters(words):
    parser = argparse.ArgumentParser(prog="llama-server")
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("-a", "--alias")
    parser.add_argument("-t", "--threads", type=int, default=int(os.environ.get("LLAMA_ARG_THREADS", 0)))
    parser.add_argument("-ctk", "--cache-type-k", choices=CACHE_TYPES)
    parser.add_argument("-ctv", "--cache-type-v", choices=CACHE_TYPES)
    parser.add_argument("--metrics", action="store_true")
    parser.add_argument("--slots", action="store_true")
    for short, long, field, kind in OPTIONS:
        parser.add_argument(*dict.fromkeys((short, long)), dest=field, type=kind)
    args = parser.parse_args(words)

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.hostnames = [args.host]
    params.endpoint_metrics = args.metrics
    params.endpoint_slots = args.slots
    for _, _, field, _ in OPTIONS:
        if getattr(args, field) is not None:
            setattr(params, field, getattr(args, field))
    if args.alias:
        params.model_alias = {args.alias}
    if args.threads:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    if args.cache_type_k:
        params.cache_type_k = CACHE_TYPES[args.cache_type_k]
    if args.cache_type_v:
        params.cache_type_v = CACHE_TYPES[args.cache_type_v]
    return params


def main():
    if sys.argv[1:] == ["--version"]:
        print("llama-server from xllamacpp", metadata.version("xllamacpp"))
        return
    server = xllamacpp.Server(parameters(sys.argv[1:]))
    print("server is listening on", server.listening_address, flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    while True:
        signal.pause()


main()
