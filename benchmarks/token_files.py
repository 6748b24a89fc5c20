"""Pack the tokens of many files: ``python -m benchmarks.token_files``.

Makes Parquet files of tokens from a seed (kept for the next run in ``--folder``), packs
them with `fastpack.pack_token_files`, and lets Polars pass the same columns through
scan_parquet -> sink_parquet with the same compression. Each run is a process of its
own, in rounds that alternate: seconds, processor seconds, peak memory, their ratios.
"""

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

from fastpack.documents.sums import Int64Array
from fastpack.tokens.lists import as_lists

MEAN = 600
ROW_GROUPS = 5
VOCABULARY = 50_000

PROCESS = """
import json, re, sys, time
from pathlib import Path
import polars as pl, fastpack
corpus, target, workers, level, context_length = sys.argv[1:]
{setup}
start, processor = time.perf_counter(), time.process_time()
{code}
seconds, processor = time.perf_counter() - start, time.process_time() - processor
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps([seconds, processor, peak / 1024]))
"""

FASTPACK = {
    # Kernels are compiled or loaded before the clock starts.
    "setup": """
few = pl.DataFrame({"input_ids": [[1, 2, 3], [4]]}, {"input_ids": pl.List(pl.Int32)})
fastpack.pack_tokens(few, context_length=2)
""",
    "code": """
fastpack.pack_token_files(
    corpus, target, context_length=int(context_length), workers=int(workers),
    compression_level=int(level),
)
""",
}

POLARS = {
    "setup": "",
    "code": """
pl.scan_parquet(corpus).sink_parquet(
    f"{target}.parquet", compression="zstd", compression_level=int(level)
)
""",
}


def make_corpus(folder: Path, n_files: int, n_tokens: int) -> None:
    """Write files of log-normal lengths and Zipf tokens, the same for every run."""
    folder.mkdir(parents=True, exist_ok=True)
    n_documents = -(-n_tokens // n_files // MEAN)
    for number in range(n_files):
        path = folder / f"part-{number:02}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng([2404_10830, number])
        lengths = rng.lognormal(np.log(MEAN) - 1.25**2 / 2, 1.25, n_documents)
        starts: Int64Array = np.zeros(n_documents + 1, np.int64)
        np.cumsum(np.maximum(lengths.astype(np.int64), 1), out=starts[1:])
        tokens = np.exp(rng.random(starts[-1], np.float32) * math.log(VOCABULARY))
        lists = as_lists(pl.Series(tokens.astype(np.int32)), starts)
        temporary = path.with_suffix(".tmp")
        pl.DataFrame({"input_ids": lists}).write_parquet(
            temporary, row_group_size=-(-n_documents // ROW_GROUPS)
        )
        temporary.replace(path)


def measure(
    code: dict[str, str], folder: Path, arguments: argparse.Namespace
) -> list[float]:
    """Return the seconds, the processor seconds and the peak memory of a run, in MB."""
    target = folder / "out"
    settings = (arguments.workers, arguments.level, arguments.context_length)
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            PROCESS.format(**code),
            folder / "corpus",
            target,
            *map(str, settings),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    shutil.rmtree(target, ignore_errors=True)
    target.with_suffix(".parquet").unlink(missing_ok=True)
    return json.loads(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=300_000_000)
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--level", type=int, default=1, help="of zstd")
    parser.add_argument("--context-length", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("fastpack-tokens"))
    arguments = parser.parse_args()
    folder = arguments.folder / f"{arguments.tokens}-{arguments.files}"
    make_corpus(folder / "corpus", arguments.files, arguments.tokens)
    size = sum(path.stat().st_size for path in (folder / "corpus").iterdir())
    print(f"{arguments.tokens:,} tokens, {arguments.files} files, {size / 1e9:.2f} GB")
    runs = {"fastpack": FASTPACK, "Polars": POLARS}
    results: dict[str, list[list[float]]] = {name: [] for name in runs}
    print("             seconds  processor s  peak MB")
    for _ in range(arguments.rounds):
        for name, code in runs.items():
            measured = measure(code, folder, arguments)
            results[name].append(measured)
            print("{:10} {:9.2f} {:12.2f} {:8.0f}".format(name, *measured), flush=True)
    middle = {
        name: [statistics.median(values) for values in zip(*rows, strict=True)]
        for name, rows in results.items()
    }
    ratios = np.divide(*middle.values())
    print("{:10} {:9.2f} {:12.2f} {:8.2f}".format("ratio", *ratios))


if __name__ == "__main__":
    main()
