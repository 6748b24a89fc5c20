"""What a cut costs, on real code: ``python -m benchmarks.undefined_names``.

Python's standard library is cut into training sequences by concatenation and by
best-fit packing, as ``fastpack demo`` does. A use of a module-level name (an import,
function, class or constant, found with `ast` on the whole file) is undefined where the
name is bound in an earlier piece of the file only: a model that reads the piece sees a
name that comes from nowhere. Prints such uses per 1,000, for all files and for those
that would have fitted into a sequence.
"""

import argparse
import ast
import bisect
import re
import warnings
from pathlib import Path

import polars as pl

import fastpack
from fastpack.cli.demo import WORD_OR_SYMBOL, python_files, standard_library

BINDERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def bindings(tree):
    """Yield (name, node) of each binding at the top level of a module."""
    for node in tree.body:
        if isinstance(node, BINDERS):
            yield node.name, node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield (alias.asname or alias.name.split(".")[0]), node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        yield part.id, part


class Source:
    """A file: its tokens, and where names are bound and used among them."""

    def __init__(self, text):
        self.starts = [match.start() for match in re.finditer(WORD_OR_SYMBOL, text)]
        self.bound = {}
        self.uses = []
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return
        lines = [f"{line}\n" for line in text.split("\n")]  # as ast counts them
        begins = [0]
        for line in lines:
            begins.append(begins[-1] + len(line))

        def token(node):
            line = lines[node.lineno - 1].encode()[: node.col_offset]
            offset = begins[node.lineno - 1] + len(line.decode(errors="replace"))
            return bisect.bisect_right(self.starts, offset) - 1

        for name, node in bindings(tree):
            self.bound.setdefault(name, []).append(token(node))
        self.uses = [
            (node.id, token(node))
            for node in ast.walk(tree)
            if isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id in self.bound
        ]

    def undefined(self, cuts):
        """Count uses whose name is bound in an earlier piece and not in their own."""
        count = 0
        for name, use in self.uses:
            piece = bisect.bisect_right(cuts, use)
            pieces = [bisect.bisect_right(cuts, at) for at in self.bound[name]]
            count += min(pieces) < piece and piece not in pieces
        return count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--context-length", type=int, default=2048)
    arguments = parser.parse_args()
    context_length = arguments.context_length
    files = python_files(arguments.folder)
    sources = [Source(path.read_text("utf-8", errors="replace")) for path in files]
    lengths = pl.Series("n_tokens", [len(source.starts) for source in sources])
    assignment = fastpack.pack(lengths, context_length=context_length)
    chunk_starts = assignment.group_by("document", maintain_order=True).agg(
        "chunk_start"
    )["chunk_start"]
    first = 0
    rows = {name: [0, 0] for name in ("uses", "concatenation", "best-fit")}
    for source, starts in zip(sources, chunk_starts, strict=True):
        n_tokens = len(source.starts)
        start = -(-first // context_length) * context_length
        joined = [at - first for at in range(start, first + n_tokens, context_length)]
        first += n_tokens
        counts = {
            "uses": len(source.uses),
            "concatenation": source.undefined([cut for cut in joined if cut > 0]),
            "best-fit": source.undefined(starts.to_list()[1:]),
        }
        for name, count in counts.items():
            rows[name][0] += count
            rows[name][1] += count * (n_tokens <= context_length)
    what = arguments.folder or standard_library()
    print(f"{len(files):,} files of {what}, sequences of {context_length:,} tokens")
    print(f"{'':32}{'all files':>12}{'files that fit':>16}")
    print(
        f"{'uses of module-level names':32}{rows['uses'][0]:12,}{rows['uses'][1]:16,}"
    )
    for name in ("concatenation", "best-fit"):
        shares = [
            1000 * n / max(uses, 1)
            for n, uses in zip(rows[name], rows["uses"], strict=True)
        ]
        label = f"undefined per 1,000, {name}"
        print(f"{label:32}{shares[0]:12.1f}{shares[1]:16.1f}")


if __name__ == "__main__":
    main()
