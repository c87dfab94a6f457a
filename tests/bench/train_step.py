"""Times training steps of EasyLM and of transformers, taking turns on one machine, and prints a table for docs/log.md.

Both train the same shapes on random tokens with AdamW and clipping: ours as the train stage does, transformers eager
with torch's fused AdamW, in fp32 or under bf16 autocast. The two take turns step by step, so that whatever else the
machine does hits both; medians are compared, also of the processor time, which other programs disturb less. Memory is
the most that each process ever held (VmHWM), on a GPU the most that its tensors did.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

SHAPES = {
    "smollm2": {"vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
                "num_attention_heads": 9, "num_key_value_heads": 3, "rows": 2, "length": 512},
    "nano": {"vocab_size": 256, "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4,
             "num_attention_heads": 4, "num_key_value_heads": 2, "rows": 16, "length": 256},
}


def peak_resident_bytes():
    for line in open("/proc/self/status", encoding="utf-8"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def serve_transformers(shape, precision, threads, device):
    """The other side of bench_train_step: the same protocol, the same work."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    sizes = dict(SHAPES[shape])
    rows, length = sizes.pop("rows"), sizes.pop("length")
    config = LlamaConfig(**sizes, max_position_embeddings=2048, tie_word_embeddings=True)
    model = LlamaForCausalLM(config).float().to(device).train()
    model.config.use_cache = False
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=1e-4, fused=True)
    for line in sys.stdin:
        if line.strip() != "step":
            break
        ids = torch.randint(0, config.vocab_size, (rows, length + 1), device=device)
        started = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            loss = model(input_ids=ids[:, :-1], labels=ids[:, :-1]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if device != "cpu":
            torch.accelerator.synchronize()
        print(time.perf_counter() - started, flush=True)
    print(peak_resident_bytes() if device == "cpu" else torch.cuda.max_memory_allocated(), flush=True)


class Worker:
    def __init__(self, command, threads):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)
        self.seconds = []
        self.processor_seconds = []

    def processor_time(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args[0]} ended with {self.process.wait()}")
        return float(answer)

    def step(self):
        before = self.processor_time()
        self.seconds.append(self.ask("step"))
        self.processor_seconds.append(self.processor_time() - before)

    def finish(self):
        peak = self.ask("quit")
        self.process.wait()
        return peak


def compare(program, shape, precision, threads, device, budget_s):
    work = [shape, precision, str(threads), device]
    ours = Worker([program, *work], threads)
    theirs = Worker([sys.executable, __file__, "--worker", *work], threads)
    for worker in (ours, theirs):  # the first step makes the optimizer's state and warms the caches
        worker.step()
        worker.seconds.clear()
        worker.processor_seconds.clear()
    started = time.monotonic()
    while len(ours.seconds) < 3 or (time.monotonic() - started < budget_s and len(ours.seconds) < 50):
        ours.step()
        theirs.step()
    tokens = SHAPES[shape]["rows"] * SHAPES[shape]["length"]
    rates = [tokens / statistics.median(worker.seconds) for worker in (ours, theirs)]
    processor_ratio = statistics.median(theirs.processor_seconds) / statistics.median(ours.processor_seconds)
    peaks = [worker.finish() for worker in (ours, theirs)]
    return rates, processor_ratio, peaks, len(ours.seconds)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default=pathlib.Path(__file__).parents[2] / "build/release/bin/bench_train_step")
    arguments.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    arguments.add_argument("--precisions", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    arguments.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    arguments.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    arguments.add_argument("--seconds", type=float, default=60, help="for one line of the table, after three steps")
    arguments.add_argument("--worker", nargs=4, metavar=("SHAPE", "PRECISION", "THREADS", "DEVICE"), help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker:
        shape, precision, threads, device = options.worker
        return serve_transformers(shape, precision, int(threads), device)
    print("| shape | precision | threads | EasyLM tok/s | transformers tok/s | ratio | by CPU time | EasyLM peak | transformers peak "
          "| ratio | steps |\n|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for shape in options.shapes:
        for precision in options.precisions:
            for threads in options.threads:
                rates, processor_ratio, peaks, steps = compare(str(options.program), shape, precision, threads, options.device,
                                                                options.seconds)
                print(f"| {shape} | {precision} | {threads} | {rates[0]:,.1f} | {rates[1]:,.1f} "
                      f"| {rates[0] / rates[1]:.2f} | {processor_ratio:.2f} | {peaks[0] / 2**30:.2f} GiB | {peaks[1] / 2**30:.2f} GiB "
                      f"| {peaks[0] / peaks[1]:.2f} | {steps} |", flush=True)


if __name__ == "__main__":
    main()
