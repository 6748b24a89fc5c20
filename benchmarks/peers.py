"""Pack the same lengths with fastpack and its peers: ``python -m benchmarks.peers``.

Each packer runs in a process of its own, warm, with fresh memory for its result each
time, and gets its input in the form that it likes best, chunks already split where it
takes no long documents. Every result is checked: each chunk there once, no bin over L,
and where there are offsets no hole and no overlap ("valid"); the number of bins and the
spaces left in them those of the paper's algorithm, one chunk at a time ("exact"). TRL
also moves the tokens, of one byte each here; its times have that in them. Most of
LightBinPack's is Python lists, in and out, which it has no way around.

``pip install '.[peers]'`` brings the peers but seqpacker, which has to be compiled on
some machines: ``pip install seqpacker``. What is not installed is named and left out.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import fastpack
from benchmarks.distributions import WORKLOADS, make_lengths
from benchmarks.packers import PACKERS, split
from benchmarks.per_chunk import pack_one_by_one
from fastpack.cli.shared_arguments import positive
from fastpack.reports.quality import bins_of

ROOT = Path(__file__).parents[1]
CONTEXT_LENGTH = 2048

SECONDS_A_PACKER = 3.0
"""After that no further round is begun."""

ROUNDS = 101


def memory(name):
    """Return a figure of this process, in MB; ru_maxrss would be that of its parent."""
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024


def measure(name, workload, n_documents):
    """Run one packer in this process; return its row."""
    packer = PACKERS[name]
    lengths = make_lengths(workload, n_documents, CONTEXT_LENGTH)
    small = packer.prepare(lengths[:1000], CONTEXT_LENGTH)
    packer.pack(small, CONTEXT_LENGTH)  # compile, import
    prepared = packer.prepare(lengths, CONTEXT_LENGTH)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    before = memory("VmRSS")
    times = []
    start = time.perf_counter()
    while len(times) < ROUNDS:
        result = None  # its memory is not to be had a second time
        began = time.perf_counter()
        result = packer.pack(prepared, CONTEXT_LENGTH)
        times.append(time.perf_counter() - began)
        if len(times) == 1:
            peak = memory("VmHWM") - before
        if time.perf_counter() - start > SECONDS_A_PACKER:
            break
    packed = packer.chunks_and_bins(result, prepared)
    valid, exact, n_bins, n_exact = check(
        *packed, lengths=lengths, truncates=packer.truncates
    )
    return {
        "peer": name,
        "workload": workload,
        "documents": n_documents,
        "seconds": statistics.median(times),
        "fastest": min(times),
        "bins": n_bins,
        "bins_exact": n_exact,
        "valid": valid,
        "exact": exact,
        "peak_mb": round(max(peak, 0.0), 1),
    }


def check(chunks, bins, offsets=None, *, lengths, truncates=False):
    """Say whether a packing is valid and exact, and how many bins it and that have."""
    if truncates:
        lengths = np.minimum(lengths, CONTEXT_LENGTH)
    wanted = split(lengths, CONTEXT_LENGTH)
    _, bins = np.unique(bins, return_inverse=True)
    loads = np.bincount(bins, weights=chunks).astype(np.int64)
    valid = np.array_equal(np.bincount(chunks), np.bincount(wanted))
    valid = valid and loads.max() <= CONTEXT_LENGTH
    if offsets is not None:  # in document order, each chunk at the end of another
        order = np.lexsort((offsets, bins))
        is_first = np.diff(bins[order], prepend=-1) > 0
        ends = np.roll((offsets + chunks)[order], 1)
        valid = valid and np.array_equal(chunks, wanted)
        valid = valid and np.array_equal(offsets[order], np.where(is_first, 0, ends))
    spaces = spaces_of(loads)
    # By the algorithm of the paper, and by the plan.
    baseline_chunks, baseline_bins, _ = pack_one_by_one(lengths, CONTEXT_LENGTH)
    baseline = np.bincount(baseline_bins, weights=baseline_chunks).astype(np.int64)
    planned = bins_of(fastpack.plan(lengths, context_length=CONTEXT_LENGTH))
    of_plan = np.zeros(CONTEXT_LENGTH, np.int64)
    np.add.at(of_plan, planned["space"].to_numpy(), planned["bins"].to_numpy())
    exact = np.array_equal(spaces, spaces_of(baseline))
    exact = exact and np.array_equal(spaces, of_plan)
    return bool(valid), bool(valid and exact), int(loads.size), int(baseline.size)


def spaces_of(loads):
    """Count bins by the space left in them."""
    spaces = np.maximum(CONTEXT_LENGTH - loads, 0)
    return np.bincount(spaces, minlength=CONTEXT_LENGTH)


def run(name, workload, n_documents, limit):
    """Measure a packer in a process of its own; None if it took too long."""
    arguments = ["--only", name, "--workload", workload, "--documents", n_documents]
    # One core is what they are compared on, but for what has threads in its name.
    environment = os.environ | {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if "threads" in name:
        environment.pop("OMP_NUM_THREADS")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.peers", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60 + 10 * limit,  # it starts, makes its input and checks, too
            env=environment,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        print(f"{name}, {workload}, {n_documents:,}: {error}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def compare(workloads, sizes, limit):
    """Yield a row for each packer, workload and size, up to its limit of seconds."""
    for packer in PACKERS.values():
        try:
            packer.package is None or version(packer.package)
        except PackageNotFoundError:
            print(
                f"{packer.name}: {packer.package} is not installed "
                f"(pip install {packer.package}); left out",
                file=sys.stderr,
            )
            continue
        for workload in workloads:
            last = None
            for n_documents in sorted(sizes):
                growth = n_documents / last["documents"] if last else 1
                if n_documents > packer.limit or (
                    last and last["seconds"] * growth > limit
                ):
                    break
                last = run(packer.name, workload, n_documents, limit)
                if last is None:
                    break
                yield last


def markdown(rows, sizes):
    """Make a table a workload: seconds, and how many times those of the kernels."""
    packages = [packer.package for packer in PACKERS.values() if packer.package]
    versions = []
    for package in ["fastpack-llm", "numba", "polars", *dict.fromkeys(packages)]:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    yield (
        f"{machine()}, Python {platform.python_version()}, {', '.join(versions)}; "
        f"{datetime.now(UTC).date()}. L = {CONTEXT_LENGTH}; medians. One thread, if "
        "the name does not say threads. Not exact: how many more sequences there are."
    )
    for workload in dict.fromkeys(row["workload"] for row in rows):
        found = {
            (row["peer"], row["documents"]): row
            for row in rows
            if row["workload"] == workload
        }
        yield ""
        yield f"| {workload} | " + " | ".join(f"{n:,}" for n in sizes) + " | exact |"
        yield "|---|" + "---:|" * len(sizes) + "---|"
        for name in dict.fromkeys(name for name, _ in found):
            cells = []
            for n_documents in sizes:
                row = found.get((name, n_documents))
                base = found.get(("fastpack kernels", n_documents))
                text = "" if row is None else duration(row["seconds"])
                if row and base and not name.startswith("fastpack"):
                    text += f" ({row['seconds'] / base['seconds']:.3g} x)"
                cells.append(text)
            mine = [row for (peer, _), row in found.items() if peer == name]
            verdict = "yes"
            if not all(row["exact"] for row in mine):
                largest = max(mine, key=lambda row: row["documents"])
                more = largest["bins"] / largest["bins_exact"] - 1
                verdict = f"no, {100 * more:+.2g} %" if more else "no, as many"
            if not all(row["valid"] for row in mine):
                verdict = "not valid"
            yield f"| {name} | " + " | ".join(cells) + f" | {verdict} |"


def duration(seconds):
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s"


def machine():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text)
    return f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}"


def draw(rows, path):
    """Draw seconds over documents: a line a packer, for the first workload."""
    import altair as alt  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    table = pl.DataFrame(rows).filter(pl.col("workload") == rows[0]["workload"])
    names = table["peer"].unique(maintain_order=True).to_list()
    chart = (
        alt.Chart(table.select("peer", "documents", "seconds"))
        .mark_line(point=True)
        .encode(
            x=alt.X("documents:Q")
            .scale(type="log", nice=False)
            .axis(values=table["documents"].unique().to_list(), format="~s"),
            y=alt.Y("seconds:Q", title="time")
            .scale(type="log")
            .axis(
                values=[10.0**power for power in range(-4, 3)],
                labelExpr="datum.value < 1 ? format(1000 * datum.value, '~r') + ' ms'"
                " : datum.value + ' s'",
            ),
            color=alt.Color("peer:N", sort=names, title=None)
            .scale(scheme="tableau20")
            .legend(labelLimit=260),
        )
        .properties(
            width=480,
            height=320,
            background="white",
            title=f"Time to pack, {rows[0]['workload']}, L = {CONTEXT_LENGTH}",
        )
    )
    chart.save(str(path))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--documents", type=positive, nargs="+", default=[10**4, 10**5, 10**6, 10**7]
    )
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, default=["web"])
    parser.add_argument("--json", action="store_true", help="print JSON, not Markdown")
    parser.add_argument(
        "--chart", type=Path, help="an .svg or .png file to draw, of the first workload"
    )
    parser.add_argument(
        "--limit", type=float, default=60, help="seconds that one packing may take"
    )
    parser.add_argument("--only", choices=list(PACKERS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        row = measure(arguments.only, arguments.workload[0], arguments.documents[0])
        print(json.dumps(row))
        return
    if arguments.chart:
        if arguments.chart.suffix not in {".svg", ".png"}:
            parser.error(f"--chart takes an .svg or .png file, got {arguments.chart}")
        import altair as alt  # noqa: F401, PLC0415 -- rather now than later
    rows = list(compare(arguments.workload, arguments.documents, arguments.limit))
    if arguments.json:
        print(json.dumps(rows, indent=1))
    else:
        print("\n".join(markdown(rows, sorted(arguments.documents))))
    if arguments.chart and rows:
        draw(rows, arguments.chart)


if __name__ == "__main__":
    main()
