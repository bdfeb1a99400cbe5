//! `llm-speed-server`: opens the database, prints its address, answers until it is asked to stop.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use server::{App, Args, Ended, Limits, asked_to_stop, router, serve};

fn main() -> ExitCode {
    let args = Args::parse();
    server::log::start();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("llm-speed-server: cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("llm-speed-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<()> {
    if let Some(command) = &args.command {
        return server::commands::run(command, args, &mut std::io::stdout()).await;
    }
    let app = App::open(args).await?;
    let listener = tokio::net::TcpListener::bind(args.addr)
        .await
        .with_context(|| format!("cannot listen on {}; name another with --addr", args.addr))?;
    let address = server::address(listener.local_addr().context("a listener has an address")?);

    let mut out = std::io::stdout().lock();
    writeln!(out, "llm-speed-server listens on {address}")
        .and_then(|()| out.flush())
        .context("standard output")?;
    drop(out);

    let limits = Limits::default();
    if let Some(addr) = args.metrics_addr {
        let figures = tokio::net::TcpListener::bind(addr)
            .await
            .with_context(|| format!("cannot listen on {addr}; name another with --metrics-addr"))?;
        tracing::info!(address = %figures.local_addr().context("a listener has an address")?, "figures");
        tokio::spawn(serve(figures, server::metrics::router(&app), limits, std::future::pending()));
    }
    let ended = serve(listener, router(&app, limits), limits, asked_to_stop()).await;
    app.store().close().await;
    if ended == Ended::Cut {
        tracing::warn!("some requests were cut, since they took longer than the drain time");
    }
    tracing::info!("stopped");
    Ok(())
}
