"""The life of a run that packs token files: count, pack blocks, pack what they left."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, NamedTuple

from fastpack.documents.grouped_histogram import sum_histograms
from fastpack.errors import DataError
from fastpack.files.calls import Call, hand_out
from fastpack.files.manifest import Manifest, fingerprints_of
from fastpack.files.other_files import refuse_other_files
from fastpack.files.passes import (
    ProgressCallback,
    write_outputs,
)
from fastpack.files.planning import plan_files
from fastpack.files.run import (
    check_progress,
    earlier_plan,
    finish,
    open_executor,
    take_over,
    write_plan_of,
)
from fastpack.files.targets import (
    Output,
    check_sources,
    refuse_folder,
)
from fastpack.files.token_account import TokenAccount
from fastpack.files.token_blocks import (
    Block,
    LastBlock,
    Source,
)
from fastpack.files.token_corpus import (
    count_token_corpus,
    earlier_corpus,
    is_name_of_output,
    name_blocks,
    name_of_output,
)
from fastpack.files.token_work import (
    BlockRules,
    Leftovers,
    pack_last_block,
    pack_one_block,
)
from fastpack.outputs import replacing
from fastpack.packing.plan import PackingPlan
from fastpack.storage.access import remove
from fastpack.storage.location import Location
from fastpack.version import __version__


def pack_token_blocks(
    paths: Sequence[Location],
    target: Location,
    rules: BlockRules,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    resume: bool = True,
    overwrite: bool = False,
    on_progress: ProgressCallback | None = None,
) -> TokenAccount:
    """Pack token files that were found: see `pack_token_files`."""
    opened = open_executor(executor, workers)
    on_progress = check_progress(on_progress)
    manifest = Manifest(target)
    paths = check_sources(paths, manifest.target)
    sources = list(map(Source, paths, fingerprints_of(paths)))
    manifest.read()
    refuse_other_files(manifest, is_name_of_output)
    with manifest.locked(), opened as entered:
        manifest.read()
        run = _Run(
            sources,
            rules._replace(columns=rules.columns.of_sources(paths)),
            manifest,
            entered,
            on_progress,
        )
        return run.pack(resume=resume, overwrite=overwrite)


class _Run(NamedTuple):
    """A run that holds its target, and has read the manifest there."""

    sources: Sequence[Source]
    rules: BlockRules
    manifest: Manifest
    executor: Executor
    on_progress: ProgressCallback

    def pack(self, *, resume: bool, overwrite: bool) -> TokenAccount:
        """Begin, or do the rest of an earlier run, or find that all is done."""
        # Of one plan for the whole corpus, beside which the blocks are seen.
        options = replace(self.rules.options, block_documents=None)
        job: dict[str, Any] = {
            "version": __version__,
            "columns": self.rules.columns.as_dict(),
            "options": options.as_dict(),
            "sequences": self.rules.describe_sequences(),
            "sources": [source.fingerprint.as_dict() for source in self.sources],
        }
        corpus = None if overwrite else earlier_corpus(self.manifest.job, job)
        corpus = corpus or count_token_corpus(
            self.executor, self.sources, self.rules, self.on_progress
        )
        blocks = name_blocks(corpus, self.sources, self.manifest)
        last = self._last_block(len(blocks))
        outputs: list[Output] = [*blocks, *last]
        for output in outputs:
            refuse_folder(output.output)
        job |= corpus._asdict()
        job["outputs"] = [output.name for output in outputs]
        refuse_other_files(self.manifest, set(job["outputs"]).__contains__)
        replaced = take_over(
            self.manifest,
            outputs,
            job,
            self.executor,
            resume=resume,
            overwrite=overwrite,
        )
        plan = earlier_plan(self.manifest, job)
        if options.strategy == "optimal" and any(
            block.name not in self.manifest.complete for block in blocks
        ):
            # A search whose time was up ends another way, and leaves other chunks.
            for each in last:
                self.manifest.complete.pop(each.name, None)
        if plan is None or any(
            each.name not in self.manifest.complete for each in last
        ):
            self._drop_without_leftovers(blocks)
        if plan is None or len(self.manifest.complete) < len(outputs):
            # An account, and a plan of another job, are of an earlier run.
            stale = [self.manifest.account_path]
            stale += [self.manifest.plan_path] if plan is None else []
            remove([*replaced, *stale])
            self.manifest.begin(job)
            self._write(blocks, last)
        if plan is None:
            leftovers = map(self._leftovers_of, blocks)
            histogram = sum_histograms(map(Leftovers.histogram, leftovers))
            plan = plan_files(self.executor, histogram, options, self.on_progress)
            write_plan_of(self.manifest, plan, job)
        account = self._account(plan, blocks, outputs)
        finish(self.manifest, outputs)
        return account

    def _last_block(self, n_blocks: int) -> list[LastBlock]:
        """Return the block of what others leave out, if they do."""
        options = self.rules.options
        # A multiple of sequences cannot be made of any leftovers.
        leaves_out = options.block_documents is None and options.bins_multiple == 1
        if not leaves_out or n_blocks == 1:
            return []
        name = name_of_output(n_blocks, n_blocks)
        return [LastBlock(name, self.manifest.target / name)]

    def _leftovers_of(self, block: Block) -> Leftovers:
        described = self.manifest.complete[block.name]["leftovers"]
        return Leftovers(block.leftovers, **described)

    def _drop_without_leftovers(self, blocks: Sequence[Block]) -> None:
        """Drop the entries of blocks whose leftovers are not as they were written."""
        for block in blocks:
            if block.name in self.manifest.complete:
                try:
                    self._leftovers_of(block).read()
                except DataError:
                    del self.manifest.complete[block.name]

    def _write(self, blocks: Sequence[Block], last: Sequence[LastBlock]) -> None:
        """Write the outputs that are not complete: of blocks, then of the last one."""
        outputs: list[Output] = [*blocks, *last]
        ticket = self.manifest.ticket()
        rules = self.rules._replace(leaves_out=bool(last))
        handed = hand_out(self.executor, rules)

        def write(calls: Iterator[Call]) -> None:
            write_outputs(
                self.executor,
                "pack",
                outputs,
                calls=calls,
                manifest=self.manifest,
                on_progress=self.on_progress,
            )

        write(
            (block.number, pack_one_block, block, handed, ticket)
            for block in blocks
            if block.name not in self.manifest.complete
        )
        if last and last[0].name not in self.manifest.complete:
            leftovers = list(map(self._leftovers_of, blocks))
            number = len(blocks)
            call = (number, pack_last_block, last[0], leftovers, handed, number, ticket)
            write(iter([call]))

    def _account(
        self, plan: PackingPlan, blocks: Sequence[Block], outputs: Sequence[Output]
    ) -> TokenAccount:
        """Return the account of all blocks, and write it beside the manifest."""
        entries = [self.manifest.complete[output.name] for output in outputs]
        n_tokens = sum(entry["tokens"] for entry in entries)
        if n_tokens != plan.packed:
            msg = (
                f"the sequences hold {n_tokens:,} tokens, and the documents have "
                f"{plan.packed:,} to be packed\n"
                "Hint: this is a fault of fastpack; please report it."
            )
            raise DataError(msg)
        n_bins = sum(entry["rows"] for entry in entries)
        account = TokenAccount(plan, self.rules.options, n_bins, len(blocks))
        path = self.manifest.account_path
        with replacing(path, overwrite=True, follow_link=False) as temporary:
            temporary.write_text(
                f"{json.dumps(account.as_dict(), indent=2)}\n", "utf-8"
            )
        return account
