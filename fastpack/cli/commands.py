"""The commands: each calls the package with its arguments, and prints the result."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any, cast

from fastpack.cli.arguments import CONTEXT_LENGTHS
from fastpack.cli.demo import run_demo
from fastpack.cli.display import (
    account_tables,
    comparison_tables,
    demo_table,
    plan_table,
    print_tables,
    quality_table,
    verification_tables,
)
from fastpack.cli.format_commands import convert, list_formats, may_be_tokens
from fastpack.cli.printing import print_json, say
from fastpack.cli.progress import say_unfinished, showing_search
from fastpack.cli.running import running
from fastpack.errors import OptionError
from fastpack.files.pack_files import pack_shards
from fastpack.files.pack_token_files import block_rules
from fastpack.files.reading import Selection, count_sources, read_batch, scanning_all
from fastpack.files.sources import find_sources
from fastpack.files.targets import check_target
from fastpack.files.token_account import TokenAccount
from fastpack.files.token_run import pack_token_blocks
from fastpack.files.token_work import Compression
from fastpack.files.verify_files import read_assignment, verify_files
from fastpack.files.verify_token_files import read_sequences, verify_token_files
from fastpack.options import PackingOptions, PackingRules
from fastpack.outputs import check_output, write_parquet
from fastpack.packing.in_memory import pack_batch
from fastpack.packing.plan import PackingPlan
from fastpack.reports.compare import compare_corpus, options_for
from fastpack.reports.corpus import count_corpus
from fastpack.reports.page import check_extra, check_report_output, write_report
from fastpack.reports.quality import quality
from fastpack.reports.report import make_report
from fastpack.storage.location import Location, locate, path_here
from fastpack.tokens.sequence_options import check_sequence_options, with_pad_values


def _pack(arguments: argparse.Namespace) -> None:
    (options,) = _options(arguments)
    paths = _find(arguments, locate(arguments.output))
    if _is_folder(arguments.output):
        _pack_into_folder(paths, options, arguments)
    else:
        _tell(arguments, _pack_into_file(paths, options, arguments))


def _tell(
    arguments: argparse.Namespace,
    account: PackingPlan | TokenAccount,
    *,
    is_new: bool = True,
) -> None:
    """Print the figures of what was written, now or by an earlier run."""
    if arguments.json:
        print_json({"output": arguments.output, **account.as_dict()})
    elif not arguments.quiet:
        print_tables(*account_tables(account), stream=sys.stderr)
        if isinstance(account, PackingPlan):
            say_unfinished([account])
        told = "wrote {}" if is_new else "{} is complete already: nothing was written"
        say(told.format(arguments.output))


def _is_folder(name: str) -> bool:
    """Say whether an output is a folder; it is, in an object store."""
    output = locate(name)
    if name.endswith(("/", os.sep)):
        return True
    if isinstance(output, Path):
        return output.is_dir()
    if output.suffix == ".parquet":
        msg = (
            f"a file as output must be one of this machine, got {name!r}\n"
            "Hint: put a slash at the end of the name of a folder."
        )
        raise OptionError(msg)
    return True


def _pack_into_file(
    paths: list[Location], options: PackingOptions, arguments: argparse.Namespace
) -> PackingPlan:
    for name in ("engine", "address", "workers", "no_resume"):
        if getattr(arguments, name):
            msg = (
                f"--{name.replace('_', '-')} is for packing into a folder, got the "
                f"output {arguments.output!r}\n"
                "Hint: put a slash at the end of the name of a folder."
            )
            raise OptionError(msg)
    output = path_here(arguments.output, "output")
    files = [path for path in paths if isinstance(path, Path)]
    check_output(output, sources=files, overwrite=arguments.overwrite)
    batch = read_batch(paths, _selection(arguments, options))
    with showing_search(options, is_quiet=_is_quiet(arguments)) as on_progress:
        packed = pack_batch(batch, options, on_progress=on_progress)
    plan = packed.plan()
    description = plan.as_dict()
    # The same documents give the same bytes, however long it took.
    description.get("certificate", {}).pop("seconds", None)
    write_parquet(packed.table, output, description, overwrite=arguments.overwrite)
    return plan


def _pack_into_folder(
    paths: list[Location], options: PackingOptions, arguments: argparse.Namespace
) -> None:
    columns, passes = _selection(arguments, options), set[str]()
    with running(arguments, passes) as settings:
        plan = pack_shards(
            paths, check_target(arguments.output), columns, options, **settings
        )
    _tell(arguments, plan, is_new=bool(passes))


def _pack_tokens(arguments: argparse.Namespace) -> None:
    sequences = check_sequence_options(
        arguments.tokens,
        with_pad_values(arguments.columns),
        arguments.keep,
        arguments.boundaries,
        pad_id=arguments.pad_id,
        bos_id=arguments.bos_id,
        eos_id=arguments.eos_id,
    )
    compression = Compression(arguments.compression, arguments.compression_level)
    rules = block_rules(
        sequences,
        arguments.context_length,
        _rules(arguments),
        compression,
        arguments.source_format,
    )
    target = check_target(arguments.output)
    paths, passes = _find(arguments, target), set[str]()
    with running(arguments, passes) as settings:
        account = pack_token_blocks(paths, target, rules, **settings)
    _tell(arguments, account, is_new=bool(passes))


def _plan(arguments: argparse.Namespace) -> None:
    (options,) = _options(arguments)
    paths = _find(arguments)
    selection = _selection(arguments, options)
    histogram = count_sources(paths, selection, options.block_documents)
    if histogram.by and not arguments.json:  # to plan 100,000 takes some seconds
        what = "groups" if options.by else "blocks"
        say(f"{what}: {histogram.groups.height:,}")
    with showing_search(options, is_quiet=arguments.json) as on_progress:
        plan = PackingPlan(histogram, options, on_progress=on_progress)
    figures = quality(plan)
    say_unfinished([plan])
    if arguments.json:
        print_json({**plan.as_dict(), "quality": figures})
    else:
        print_tables(plan_table(plan), quality_table(figures))


def _compare(arguments: argparse.Namespace) -> None:
    options = _options(arguments)
    paths = _find(arguments)
    with (
        scanning_all(paths, _selection(arguments, options[0])) as documents,
        showing_search(options[0], is_quiet=arguments.json) as on_progress,
    ):
        corpus = count_corpus(documents, options, on_progress)
    comparison = compare_corpus(corpus)
    say_unfinished(context.plan for context in corpus.contexts)
    if arguments.json:
        print_json(comparison.to_dicts())
    else:
        print_tables(*comparison_tables(comparison))


def _report(arguments: argparse.Namespace) -> None:
    check_extra()
    options = _options(arguments)
    paths = _find(arguments)
    output = path_here(arguments.output, "output")
    output_format = arguments.output_format
    files = [path for path in paths if isinstance(path, Path)]
    check_report_output(output, output_format, files, overwrite=arguments.overwrite)
    with (
        scanning_all(paths, _selection(arguments, options[0])) as documents,
        showing_search(options[0]) as on_progress,
    ):
        name = ", ".join(arguments.sources)
        report = make_report(name, documents, options, on_progress)
    overwrite = arguments.overwrite
    for path in write_report(report, output, output_format, overwrite=overwrite):
        say(f"wrote {path}")


def _verify(arguments: argparse.Namespace) -> None:
    rules: dict[str, Any] = {**_rules(arguments)}
    if arguments.context_length is not None:
        rules["context_length"] = arguments.context_length
    written = read_assignment(locate(arguments.assignment), rules)
    options = written.options
    paths = _find(arguments) if arguments.sources else []
    figures = verify_files(written, paths, _selection(arguments, options))
    if arguments.json:
        described = {"options": options.as_dict(), "figures": figures}
        print_json({"assignment": arguments.assignment, **described})
    else:
        print_tables(*verification_tables(figures, options))
        say(f"verified {arguments.assignment}")


def _verify_tokens(arguments: argparse.Namespace) -> None:
    written = read_sequences(locate(arguments.sequences))
    if not arguments.sources:
        arguments.sources = [source["path"] for source in written.sources]
    arguments.source_format = written.columns.documents.source_format
    figures = verify_token_files(written, _find(arguments))
    if arguments.json:
        described = {"options": written.options.as_dict(), "figures": figures}
        print_json({"sequences": str(arguments.sequences), **described})
    else:
        print_tables(*verification_tables(figures, written.options))
        say(f"verified {arguments.sequences}")


def _demo(arguments: argparse.Namespace) -> None:
    demo = run_demo(
        arguments.folder,
        path_here(arguments.output, "output"),
        arguments.context_length,
        overwrite=arguments.overwrite,
    )
    print_tables(demo_table(demo.plan, demo.comparison))
    for path in (demo.corpus, demo.assignment):
        say(f"wrote {path}")


def _find(
    arguments: argparse.Namespace, output: Location | None = None
) -> list[Location]:
    """Find the sources; say how many files folders and globs stand for."""
    paths = find_sources(arguments.sources, output, arguments.source_format)
    if not _is_quiet(arguments) and list(map(str, paths)) != arguments.sources:
        say(f"sources: {len(paths):,} file{'s' * (len(paths) != 1)}")
    if not _is_quiet(arguments) and may_be_tokens(arguments, paths[0]):
        say("lengths: the numbers in .npy files, which are not taken for tokens")
    return paths


def _is_quiet(arguments: argparse.Namespace) -> bool:
    """Say whether nothing but a result in JSON is wanted, or not even that."""
    return getattr(arguments, "quiet", False) or getattr(arguments, "json", False)


def _options(arguments: argparse.Namespace) -> list[PackingOptions]:
    """Return the options, one for each context length of the command."""
    context_length = arguments.context_length or CONTEXT_LENGTHS
    return options_for(context_length, _rules(arguments))


def _rules(arguments: argparse.Namespace) -> PackingRules:
    """Return the rules that are given."""
    given = vars(arguments)
    rules = {
        name: given[name] for name in PackingRules.__annotations__ if name in given
    }
    return cast("PackingRules", rules)


def _selection(arguments: argparse.Namespace, options: PackingOptions) -> Selection:
    """Return the columns that a command reads."""
    return Selection(
        length=arguments.length if arguments.tokens is None else arguments.tokens,
        keep=getattr(arguments, "keep", None),
        token_lists=arguments.tokens is not None,
        by=options.by_columns,
        source_format=arguments.source_format,
    )


COMMANDS = {
    "pack": _pack,
    "pack-tokens": _pack_tokens,
    "plan": _plan,
    "compare": _compare,
    "report": _report,
    "verify": _verify,
    "verify-tokens": _verify_tokens,
    "demo": _demo,
    "convert": convert,
    "formats": list_formats,
}
