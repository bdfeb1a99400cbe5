//! What cannot be checked does not count, and what could carry somebody's text is refused, on both databases.

use data::fingerprint::Gpu;
use data::submission::{Identity, Submission};
use serde_json::{Value, json};

use crate::both::on_both;
use crate::client::{Answer, Site as Own, refused};
use crate::sample;

/// A fair run of machine number `who`, changed.
fn run(who: u8, change: &dyn Fn(&mut Submission)) -> Submission {
    let mut run = sample::run(who, sample::estimated("rtx-3090"));
    change(&mut run);
    run
}

async fn send(own: &Own, who: u8, change: &dyn Fn(&mut Submission)) -> Answer {
    own.submit(who, &run(who, change), &format!("192.0.2.{who}")).await
}

/// Where it stands, and the sentence with this word.
fn said(answer: &Answer, code: &str) -> (Value, String) {
    assert_eq!(answer.status, 201, "{}", answer.text());
    let receipt = answer.json();
    let reasons = receipt["reasons"].as_array().unwrap();
    let of_code = reasons.iter().find(|reason| reason["code"] == code);
    let says = of_code.unwrap_or_else(|| panic!("{code}: {receipt}"))["says"].as_str().unwrap().to_owned();
    (receipt["state"].clone(), says)
}

on_both! {
    async fn a_setup_that_is_not_estimated_does_not_count(own: &Own) {
        let too_big = send(own, 1, &|run| {
            run.fingerprint.ram.total_gib = 0.5;
            run.model.reference = "Llama-3.3-70B-Instruct-Q4_K_M.gguf".into();
            (run.model.params, run.model.size_bytes) = (Some(70_553_706_496), Some(42_520_395_776));
        }).await;
        let (state, says) = said(&too_big, "not_estimated");
        assert_eq!(state, "flagged");
        assert!(says.contains("does not fit into the memory that is told"), "{says}");

        let elsewhere = send(own, 2, &|run| run.backend.name = "mlx".into()).await;
        let (state, says) = said(&elsewhere, "not_estimated");
        assert_eq!(state, "flagged");
        assert!(says.contains("not estimated"), "{says}");
        let result = own.get(&format!("/api/v1/results/{}", elsewhere.json()["id"].as_str().unwrap())).await.json();
        assert_eq!(result["device"], "rtx-3090", "the machine is known all the same");

        let beside = send(own, 3, &|run| {
            let card = Gpu { name: "NVIDIA Mystery 9000".into(), maker: "nvidia".into(), memory_gib: Some(48.0), ..Gpu::default() };
            run.fingerprint.gpus.push(card);
        }).await;
        let (state, says) = said(&beside, "unlisted_card");
        assert_eq!(state, "flagged");
        assert!(says.contains("Mystery 9000"), "{says}");
        let graphics = send(own, 4, &|run| {
            let card = Gpu { name: "AMD Radeon Graphics".into(), maker: "amd".into(), memory_gib: Some(0.5), ..Gpu::default() };
            run.fingerprint.gpus.push(card);
        }).await;
        assert_eq!(graphics.json()["state"], "accepted", "{}", graphics.text());
    }

    /// A card that leaves part of the model in RAM is as fast as that RAM: nobody sets how fast that is.
    async fn nobody_sets_his_own_roofline(own: &Own) {
        let large = |run: &mut Submission, cpu: &str, read_gb_s: f64| {
            run.fingerprint.cpu.model = cpu.into();
            run.fingerprint.ram.read_gb_s = Some(read_gb_s);
            run.model.reference = "Llama-3.3-70B-Instruct-Q4_K_M.gguf".into();
            (run.model.params, run.model.size_bytes) = (Some(70_553_706_496), Some(42_520_395_776));
            let point = &mut run.workloads[0];
            point.decode_tps = Some(20.0);
            point.decode_tps_interval = None;
            (point.decode_p50_latency_ms, point.decode_p95_latency_ms) = (Some(50.0), Some(55.0));
            point.ttft_ms = Some(3000.0);
            point.wall_ms = Some(16_000.0);
        };
        // 20 tok/s of 20 GB in RAM are 400 GB/s, which a desktop does not have.
        let boast = send(own, 1, &|run| large(run, "AMD Ryzen 9 7950X 16-Core Processor", 5000.0)).await;
        let (state, says) = said(&boast, "above_roofline");
        assert_eq!(state, "held", "{says}");
        let unknown = send(own, 2, &|run| large(run, "Mystery Processor", 5000.0)).await;
        let (state, says) = said(&unknown, "unlisted_memory");
        assert_ne!(state, "accepted");
        assert!(says.contains("part of the model lies in RAM") || says.contains("Part of the model lies in RAM"), "{says}");
    }

    /// A processor that the catalogue does not have is checked against what its probe measured, which counts up to what any
    /// processor has; a run that tells more is kept, says so, and does not count.
    async fn a_processor_without_a_row_tells_what_one_can_have(own: &Own) {
        let alone = |run: &mut Submission, read_gb_s: f64, tps: f64| {
            run.fingerprint.gpus.clear();
            let cpu = &mut run.fingerprint.cpu;
            (cpu.model, cpu.sockets, cpu.cores) = ("Mystery Processor".into(), 1, 16);
            cpu.features = vec!["avx2".into()];
            (run.fingerprint.ram.total_gib, run.fingerprint.ram.read_gb_s) = (64.0, Some(read_gb_s));
            (run.fingerprint.ram.channels, run.fingerprint.ram.speed_mt_s) = (None, None);
            let point = &mut run.workloads[0];
            (point.decode_tps, point.decode_tps_interval) = (Some(tps), None);
            (point.decode_p50_latency_ms, point.decode_p95_latency_ms) = (Some(1000.0 / tps), Some(1100.0 / tps));
            (point.ttft_ms, point.prefill_tps, point.wall_ms) = (None, None, Some(257_000.0 / tps));
        };
        let modest = send(own, 1, &|run| alone(run, 61.5, 9.0)).await;
        let (state, says) = said(&modest, "unlisted_processor");
        assert_eq!(state, "accepted", "{says}");
        let boast = send(own, 2, &|run| alone(run, 5000.0, 60.0)).await;
        let (state, says) = said(&boast, "machine_figures");
        assert_eq!(state, "flagged", "{}", boast.text());
        assert!(says.contains("memory bandwidth is more than any processor"), "{says}");
    }

    /// Whoever hashed a file has counted what is in it.
    async fn a_digest_without_weights_and_bytes_identifies_nothing(own: &Own) {
        for (who, identity, params, bytes) in [
            (1, Identity::File, None, Some(4_920_734_272)),
            (2, Identity::File, Some(8_030_261_312), None),
            (3, Identity::Header, None, None),
        ] {
            let receipt = send(own, who, &|run| {
                run.model.identity = identity;
                (run.model.params, run.model.size_bytes) = (params, bytes);
            }).await;
            let (_, says) = said(&receipt, "model_by_name");
            assert!(says.contains("weights and bytes"), "{says}");
            let result = own.get(&format!("/api/v1/results/{}", receipt.json()["id"].as_str().unwrap())).await.json();
            assert_eq!(result["evidence_class"], "unverified");
        }
    }

    async fn what_is_no_point_of_the_suite_is_refused(own: &Own) {
        let dry = async |change: &dyn Fn(&mut Submission)| {
            let mut run = sample::full_run(1, 1.0);
            change(&mut run);
            let body = json!({ "envelope": sample::sealed(1, &run), "pow": null });
            own.post("/api/v1/runs?dry_run=true", "192.0.2.1", &body).await
        };
        assert_eq!(dry(&|_| {}).await.status, 200);
        refused(&dry(&|run| run.workloads[1].target_prompt_tokens = 100).await, 422, "W3: target_prompt_tokens is 100");
        refused(&dry(&|run| run.workloads[4].streams = 5).await, 422, "W4: streams is 5");
        refused(&dry(&|run| run.workloads[0].flags = vec!["call me Zoe".into()]).await, 422, "is no word of a-z");
        refused(&dry(&|run| run.backend.version = "me@example.org".into()).await, 422, "backend.version");
    }

    /// A prompt of another length than the point's is kept, and stands on no board and in no curve.
    async fn a_prompt_of_another_length_is_on_no_board(own: &Own) {
        for who in 1..=3 {
            let mut run = sample::full_run(who, 1.0);
            run.workloads[1].prompt_tokens = Some(100);
            (run.workloads[1].ttft_ms, run.workloads[1].prefill_tps) = (Some(40.0), None);
            let fast = sample::estimated("rtx-3090");
            let point = &mut run.workloads[1];
            (point.decode_tps, point.wall_ms) = (Some(fast), Some(256_000.0 / fast + 40.0));
            let answer = own.submit(who, &run, &format!("192.0.2.{who}")).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        let board = own.get("/api/v1/tables/leaderboard.json?workload=W3&prompt=32512").await;
        assert_eq!(board.json(), json!([]), "{}", board.text());
        let deep = own.get("/api/v1/tables/leaderboard.json?workload=W3&prompt=65280").await;
        assert_eq!(deep.json().as_array().unwrap().len(), 1, "{}", deep.text());
    }
}
