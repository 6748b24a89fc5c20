"""Runs that are killed, or whose files are damaged, and that go on."""

import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

from command_line import start_code
from corpora import files_of


def change_bits(run, target, n_places):
    """Copy a run for each of some bits, and change it there; give the file and byte.

    Each copy is removed again. Nobody reads the lock.
    """
    rng = random.Random(12)
    for name, content in files_of(run).items():
        size = len(content)
        places = [0, 8, size // 2, size - 1, *rng.choices(range(size), k=n_places)]
        for place in places:
            shutil.copytree(run, target)
            damaged = bytearray(content)
            damaged[place] ^= 1 << rng.randrange(8)
            (target / name).write_bytes(damaged)
            yield (target / name).name, place
            shutil.rmtree(target)


def kill_and_resume(code, corpus, folder, moments, resume):
    """Kill a run at so many moments, resume it, and compare its files with a whole one.

    Return, for each moment, whether there was a plan, and the number of outputs.
    """
    with start_code(code, corpus, folder / "whole") as process:
        start = time.monotonic()  # of the run: the process is ready
        assert process.stdout.readline() == "done\n"
        duration = time.monotonic() - start
    expected = files_of(folder / "whole")
    rng = random.Random(20)

    def kill(number):
        target = folder / str(number)
        with start_code(code, corpus, target) as process:
            time.sleep(duration * (number + rng.random()) / moments)
            process.kill()
        has_plan = (target / "_fastpack/plan.parquet").exists()
        n_outputs = len(list(target.glob("*.parquet")))
        resume(corpus, target)
        assert files_of(target) == expected
        shutil.rmtree(target)
        return has_plan, n_outputs

    with ThreadPoolExecutor(2) as executor:
        return list(executor.map(kill, range(moments)))
